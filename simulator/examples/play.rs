//! Runs a scenario file and prints what came of it: `cargo run -p tidings-simulator --example play -- FILE [SEED [PAGE]]`.

use tidings_simulator::{Options, Scenario, run};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: play FILE [SEED [PAGE]]")?;
    let seed = arguments.next().map_or(Ok(1), |seed| seed.parse())?;
    let page = arguments.next();
    let scenario = Scenario::parse(&std::fs::read_to_string(&path)?)?;
    let options = Options { film: page.is_some(), ..Options::default() };
    let report = run(&scenario, seed, options, &mut |_| {})?;
    print!("{}", report.to_text());
    if let (Some(page), Some(html)) = (page, report.to_html()) {
        std::fs::write(page, html)?;
    }
    Ok(())
}

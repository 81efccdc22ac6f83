//! Two replicas in one process: what one says, the other has. `cargo run -p tidings-ledger --example hello`

use std::time::Duration;

use tidings_ledger::handle::Query;
use tidings_ledger::{AuthorKey, Draft, TopicName};
use tidings_transport_mem::{Link, Setup, World};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A network of two, in memory and in virtual time. Swap it for `tidings-transport-ipfs` and it is a real one.
    let mut world = World::new(1);
    let (alice, bob) = (world.peer(Setup::default())?, world.peer(Setup::default())?);
    world.connect(alice, bob, Link::WAN);

    let page = TopicName::parse("https://example.org/article")?;
    let (hers, his) = (world.ledger(alice).topic(&page), world.ledger(bob).topic(&page));
    hers.follow()?;
    his.follow()?;
    world.run_for(Duration::from_secs(1));

    // Keys come from 32 random bytes that you keep secret; these are for show.
    let (alice_key, bob_key) = (AuthorKey::from_seed(&[1; 32]), AuthorKey::from_seed(&[2; 32]));
    let post = world.wait(hers.append(&alice_key, Draft::new("post", "Has anybody read this?")))?;
    world.run_for(Duration::from_secs(1));
    world.wait(his.append(&bob_key, Draft::new("reply", "Every word.").about(post.id())))?;
    world.run_for(Duration::from_secs(1));

    for entry in hers.read(&Query::default())?.items.iter().rev() {
        println!("{} {:5} {}", entry.author(), entry.kind(), entry.text().unwrap_or("(redacted)"));
    }
    let (here, there) = (hers.info()?.cid, his.info()?.cid);
    assert_eq!(here, there, "equal sets have equal ids");
    println!("both hold {}", here.ok_or("nothing was said")?);
    Ok(())
}

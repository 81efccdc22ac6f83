//! Drawing a plan: first which faults there are and how strong, then what happens under them.

use super::faults::Faults;
use super::op::{Act, DISK_FAULTS, Op};
use super::plan::Plan;

impl Plan {
    /// The plan of a seed. Each fault is there in about half of all plans, the drastic ones in fewer.
    pub fn draw(seed: u64) -> Plan {
        let mut rng = fastrand::Rng::with_seed(seed);
        let faults = Faults::draw(&mut rng);
        let chances = Chances::draw(&mut rng);
        let steps = rng.usize(40..160);
        let mut ops = Vec::new();
        for _ in 0..steps {
            ops.push(write(&mut rng));
            chances.draw_ops(&faults, &mut rng, &mut ops);
            let millis = if rng.u8(0..10) == 0 { rng.u64(0..90_000) } else { rng.u64(0..400) };
            ops.push(Op::Wait { millis });
            for peer in 0..faults.peers {
                if rng.u8(0..3) == 0 {
                    ops.push(Op::Restart { peer });
                }
            }
        }
        Plan { seed, faults, ops }
    }
}

impl Faults {
    fn draw(rng: &mut fastrand::Rng) -> Faults {
        let peers = rng.u64(2..7);
        let (latency, jitter) = if rng.bool() { (400, 100) } else { (20_000, 5_000) };
        Faults {
            peers,
            mirrors: [0, peers, rng.u64(0..=peers)][rng.usize(0..3)],
            latency,
            jitter: jitter + if rng.bool() { rng.u64(1_000..200_000) } else { 0 },
            bandwidth: if rng.bool() { rng.u64(50_000..5_000_000) } else { 0 },
            lost: part(rng, 500),
            lost_control: part(rng, 500),
            lost_requests: part(rng, 200),
            doubled: part(rng, 300),
            replayed: part(rng, 200),
            overtaken: part(rng, 300),
            withheld: part(rng, 500),
            skew: if rng.bool() { rng.u64(1..300_000) } else { 0 },
            sync_every: if rng.bool() { rng.u64(2..40) } else { 1 },
            sweeping: u64::from(rng.bool()),
        }
    }
}

/// How likely each operation is at each step, in thousandths.
struct Chances {
    cuts: u64,
    clogs: u64,
    connections: u64,
    crashes: u64,
    power: u64,
    disks: u64,
    full: u64,
    rot: u64,
    wipes: u64,
    losses: u64,
    copies: u64,
    clocks: u64,
    hostile: u64,
}

impl Chances {
    fn draw(rng: &mut fastrand::Rng) -> Chances {
        Chances {
            cuts: part(rng, 100),
            clogs: part(rng, 60),
            connections: part(rng, 100),
            crashes: part(rng, 100),
            power: part(rng, 60),
            disks: part(rng, 100),
            full: part(rng, 40),
            rot: part(rng, 20),
            wipes: part(rng, 20),
            losses: part(rng, 10),
            copies: part(rng, 10),
            clocks: part(rng, 40),
            hostile: part(rng, 300),
        }
    }

    fn draw_ops(&self, faults: &Faults, rng: &mut fastrand::Rng, ops: &mut Vec<Op>) {
        let peer = |rng: &mut fastrand::Rng| rng.u64(0..faults.peers);
        if chance(rng, self.cuts) {
            ops.push(match rng.u8(0..5) {
                0 | 1 => Op::Heal,
                2 => Op::Isolate { peer: peer(rng) },
                _ => Op::Cut { mask: rng.u64(0..128), how: rng.u64(0..3) },
            });
        }
        if chance(rng, self.clogs) {
            ops.push(Op::Swizzle { millis: rng.u64(10..20_000) });
        }
        if chance(rng, self.connections) {
            ops.push(if rng.bool() { Op::Meet } else { Op::Part { a: peer(rng), b: peer(rng) } });
        }
        if chance(rng, self.crashes) {
            let events = if rng.bool() { 0 } else { rng.u64(1..200) };
            ops.push(Op::Crash { peer: peer(rng), events });
        }
        if chance(rng, self.power) {
            ops.push(Op::Power { peer: peer(rng), kept: rng.u64(0..20) });
        }
        if chance(rng, self.disks) {
            let (_, fault) = DISK_FAULTS[rng.usize(0..DISK_FAULTS.len())];
            ops.push(Op::Disk { peer: peer(rng), fault, commits: rng.u64(0..4) });
        }
        if chance(rng, self.full) {
            ops.push(Op::Full { peer: peer(rng), on: rng.u64(0..2) });
        }
        if chance(rng, self.rot) {
            ops.push(Op::Rot { peer: peer(rng), part: rng.u64(1..100), salt: rng.u64(..) });
        }
        if chance(rng, self.wipes) {
            ops.push(Op::Wipe { peer: peer(rng) });
        }
        if chance(rng, self.losses) {
            ops.push(Op::Lose { peer: peer(rng) });
        }
        if chance(rng, self.copies) {
            ops.push(Op::Copy { peer: peer(rng) });
        }
        if chance(rng, self.clocks) {
            ops.push(Op::Jump { peer: peer(rng), millis: rng.u64(1..400_000), back: rng.u64(0..2) });
        }
        if chance(rng, self.hostile) {
            let act = Act::ALL[rng.usize(0..Act::ALL.len())];
            ops.push(Op::Hostile { act, topic: rng.u64(0..3), salt: rng.u64(..) });
        }
    }
}

fn write(rng: &mut fastrand::Rng) -> Op {
    let count = if rng.u8(0..12) == 0 { rng.u64(20..120) } else { rng.u64(1..4) };
    Op::Write { peer: rng.u64(0..7), topic: rng.u64(0..3), author: rng.u64(0..4), count, salt: rng.u64(..) }
}

/// Nothing, or up to so many in a thousand.
fn part(rng: &mut fastrand::Rng, most: u64) -> u64 {
    if rng.bool() { rng.u64(most / 5..=most).max(1) } else { 0 }
}

fn chance(rng: &mut fastrand::Rng, part: u64) -> bool {
    part > 0 && rng.u64(0..1000) < part
}

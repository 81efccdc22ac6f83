//! Damage, of the kinds that decoders get wrong.

use proptest::prelude::*;
use proptest::sample::Index;

/// One change to some bytes.
#[derive(Debug, Clone)]
pub(super) enum Mutation {
    /// One bit the other way.
    Flip(Index, u8),
    /// One byte replaced, often by one with a meaning (a length, a break, a type).
    Set(Index, u8),
    /// Some bytes gone.
    Cut(Index, usize),
    /// Some bytes there twice.
    Double(Index, usize),
    /// Some bytes put in.
    Insert(Index, Vec<u8>),
    /// The end gone.
    Truncate(Index),
    /// Two pieces in each other's place.
    Swap(Index, Index, usize),
}

/// Changes to be made one after the other.
pub(super) fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let telling = prop::sample::select(vec![
        0x00, 0x01, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1f, 0x20, 0x3b, 0x40, 0x5b, 0x5f, 0x60, 0x7f, 0x80, 0x9b, 0x9f,
        0xa0, 0xbb, 0xbf, 0xc0, 0xd2, 0xf6, 0xf7, 0xfb, 0xff,
    ]);
    let byte = prop_oneof![telling, any::<u8>()];
    let place = any::<Index>;
    let mutation = prop_oneof![
        (place(), 0u8..8).prop_map(|(at, bit)| Mutation::Flip(at, bit)),
        (place(), byte.clone()).prop_map(|(at, byte)| Mutation::Set(at, byte)),
        (place(), 1usize..12).prop_map(|(at, len)| Mutation::Cut(at, len)),
        (place(), 1usize..60).prop_map(|(at, len)| Mutation::Double(at, len)),
        (place(), prop::collection::vec(byte, 1..10)).prop_map(|(at, bytes)| Mutation::Insert(at, bytes)),
        place().prop_map(Mutation::Truncate),
        (place(), place(), 1usize..40).prop_map(|(one, two, len)| Mutation::Swap(one, two, len)),
    ];
    prop::collection::vec(mutation, 1..5)
}

/// The bytes with all of the changes made.
pub(super) fn mutated(bytes: &[u8], mutations: &[Mutation]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for mutation in mutations {
        if !out.is_empty() {
            apply(&mut out, mutation);
        }
    }
    out
}

fn apply(out: &mut Vec<u8>, mutation: &Mutation) {
    let size = out.len();
    let piece = |at: &Index, len: usize| {
        let from = at.index(size);
        from..(from + len).min(size)
    };
    match mutation {
        Mutation::Flip(at, bit) => out[at.index(size)] ^= 1 << bit,
        Mutation::Set(at, byte) => out[at.index(size)] = *byte,
        Mutation::Cut(at, len) => drop(out.drain(piece(at, *len))),
        Mutation::Double(at, len) => {
            let twice = out[piece(at, *len)].to_vec();
            let from = at.index(size);
            out.splice(from..from, twice);
        }
        Mutation::Insert(at, bytes) => {
            let from = at.index(size);
            out.splice(from..from, bytes.iter().copied());
        }
        Mutation::Truncate(at) => out.truncate(at.index(size)),
        Mutation::Swap(one, two, len) => {
            let (mut one, mut two) = (piece(one, *len), piece(two, *len));
            if one.start > two.start {
                std::mem::swap(&mut one, &mut two);
            }
            let len = one.len().min(two.len()).min(two.start - one.start);
            for step in 0..len {
                out.swap(one.start + step, two.start + step);
            }
        }
    }
}

//! A set of texts that keeps each once, in the order of their arrival, in little more room than they need.
//!
//! A `HashSet<Box<str>>` spends some 40 bytes on each text besides its own; here it is about 10 (in WebAssembly): the
//! texts lie one after the other in blocks that never move, and the table has one address for each.

use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;

/// How large a block is; a longer text has one of its own. The addresses count bytes, blocks of any size as this many.
const BLOCK: usize = 1 << 18;

/// The most bytes that a length takes (LEB128).
const LONGEST_LENGTH: usize = 10;

/// A set of texts.
#[derive(Debug, Clone, Default)]
pub(super) struct Texts {
    blocks: Vec<Vec<u8>>,
    table: HashTable<usize>,
    hasher: DefaultHashBuilder,
}

/// A place between the texts, in the order of their arrival.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Place {
    block: usize,
    offset: usize,
}

impl Texts {
    /// Adds a text, if it is not there.
    pub(super) fn insert(&mut self, text: &str) {
        let Self { blocks, table, hasher } = self;
        let hash = hasher.hash_one(text.as_bytes());
        if table.find(hash, |address| at(blocks, *address) == text.as_bytes()).is_some() {
            return;
        }
        let address = append(blocks, text.as_bytes());
        table.insert_unique(hash, address, |address| hasher.hash_one(at(blocks, *address)));
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// How many bytes are allocated for them.
    pub(super) fn allocated(&self) -> usize {
        self.blocks.iter().map(Vec::capacity).sum::<usize>() + self.table.allocation_size()
    }

    /// The place after the last text.
    pub(super) fn end(&self) -> Place {
        let block = self.blocks.len().saturating_sub(1);
        Place { block, offset: self.blocks.last().map_or(0, Vec::len) }
    }

    /// How many bytes the texts after a place take.
    pub(super) fn bytes_since(&self, place: Place) -> usize {
        let blocks = self.blocks.iter().skip(place.block);
        blocks.map(Vec::len).sum::<usize>().saturating_sub(place.offset)
    }

    /// The texts after a place.
    pub(super) fn since(&self, place: Place) -> impl Iterator<Item = &str> {
        let blocks = self.blocks.iter().enumerate().skip(place.block);
        blocks.flat_map(move |(index, block)| {
            let mut rest = &block[if index == place.block { place.offset } else { 0 }..];
            std::iter::from_fn(move || {
                if rest.is_empty() {
                    return None;
                }
                let (length, after) = read_length(rest);
                let (text, after) = after.split_at(length);
                rest = after;
                Some(std::str::from_utf8(text).expect("only texts were put there"))
            })
        })
    }
}

/// The text at an address.
fn at(blocks: &[Vec<u8>], address: usize) -> &[u8] {
    let (length, rest) = read_length(&blocks[address / BLOCK][address % BLOCK..]);
    &rest[..length]
}

/// Puts a text after the last one, and answers its address.
fn append(blocks: &mut Vec<Vec<u8>>, text: &[u8]) -> usize {
    let needed = text.len() + LONGEST_LENGTH;
    if blocks.last().is_none_or(|last| last.len() + needed > BLOCK) {
        blocks.push(Vec::with_capacity(needed.max(BLOCK)));
    }
    let index = blocks.len() - 1;
    let block = &mut blocks[index];
    let address = index * BLOCK + block.len();
    let mut length = text.len();
    while length >= 0x80 {
        block.push(length as u8 | 0x80);
        length >>= 7;
    }
    block.push(length as u8);
    block.extend_from_slice(text);
    address
}

fn read_length(bytes: &[u8]) -> (usize, &[u8]) {
    let mut length = 0;
    for (index, byte) in bytes.iter().enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return (length, &bytes[index + 1..]);
        }
    }
    unreachable!("a length was written as a whole")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_longer_than_a_block_are_kept_like_others() {
        let mut texts = Texts::default();
        let long = |length| "x".repeat(length);
        let lengths = [0, 127, 128, BLOCK - 11, BLOCK - 10, BLOCK - 1, BLOCK, 3 * BLOCK, 1];
        for _ in 0..2 {
            for length in lengths {
                texts.insert(&long(length));
            }
        }
        let kept: Vec<_> = texts.since(Place::default()).map(str::len).collect();
        assert_eq!((texts.len(), &kept[..]), (lengths.len(), &lengths[..]));
    }

    #[test]
    fn five_million_ids_fit_well_into_a_component() {
        let mut texts = Texts::default();
        for id in 0..5_000_000_u64 {
            texts.insert(&(1_000_000_000 + id * 7_368_787 % 9_000_000_000).to_string());
        }
        assert_eq!(texts.len(), 5_000_000);
        let address = std::mem::size_of::<usize>();
        // Eleven bytes for each text and its length, and at most 16/7 addresses and control bytes.
        let most = 5_000_000 * (11 + (1 + address) * 16 / 7) + 2 * BLOCK;
        assert!(texts.allocated() < most, "{} bytes", texts.allocated());
    }

    proptest! {
        #[test]
        fn each_text_is_kept_once_in_the_order_of_arrival(
            batches in proptest::collection::vec(proptest::collection::vec("[abé]{0,3}", 0..20), 0..5),
        ) {
            let (mut texts, mut all) = (Texts::default(), Vec::<&str>::new());
            for batch in &batches {
                let before = texts.end();
                let known = all.len();
                for text in batch {
                    texts.insert(text);
                    if !all.contains(&text.as_str()) {
                        all.push(text);
                    }
                }
                prop_assert!(texts.since(before).eq(all[known..].iter().copied()));
                prop_assert_eq!(texts.bytes_since(before) == 0, known == all.len());
            }
            prop_assert!(texts.since(Place::default()).eq(all.iter().copied()));
        }
    }
}

//! Where nothing is left of the creation log, so that a list costs what it shows, and not what was purged.
//!
//! Slots are counted in blocks. Whoever has walked blocks in which there is no instance any more notes where the next
//! slot is that may have one, under a key for each of these blocks; whoever comes to such a block later goes on there. A
//! chain of such steps is noted as one by whoever has made them all.
//!
//! Only what lies below the scheduler's low mark is noted: what is empty there stays so. A slot that was empty for the
//! grace for holes has no writer any more, since one that was slower takes another slot.

use std::ops::RangeInclusive;

use crate::engine::Engine;
use crate::lookup::ReadError;
use crate::platform::Platform;
use crate::scheduler::SchedulerError;
use crate::store::{Store, StoreError};

/// How many slots make a block.
pub(crate) const BLOCK: u64 = 256;
/// How many keys are written at once.
const KEYS: usize = 256;

/// Whether a block begins with this slot.
pub(crate) fn begins_block(slot: u64) -> bool {
    slot % BLOCK == 1
}

/// The last slot of the block that this one is in.
pub(crate) fn end_of_block(slot: u64) -> u64 {
    slot.div_ceil(BLOCK) * BLOCK
}

/// A walk's present stretch of slots in which there is no instance.
#[derive(Debug, Default)]
pub(crate) struct Stretch {
    /// The blocks that were walked from their beginnings to their ends.
    blocks: Vec<u64>,
    /// The block that is being walked, if it was begun at its beginning.
    block: Option<u64>,
    /// The first block at which a note was found.
    first: Option<u64>,
    /// Whether there is something that nobody has noted.
    is_news: bool,
    /// The slot that the next note is to lead to.
    past: u64,
}

impl Stretch {
    /// Notes that a note at the block that begins with `from` led to `past`.
    pub(crate) fn follow(&mut self, from: u64, past: u64) {
        match self.first {
            None => self.first = Some(from),
            Some(_) => self.is_news = true,
        }
        self.past = past;
    }

    /// Notes that slots were walked, all of one block, and whether there is no instance in any. Answers the stretch that
    /// ends there, if it is worth a note.
    pub(crate) fn walk(&mut self, slots: &RangeInclusive<u64>, empty: bool) -> Option<Self> {
        if !empty {
            return self.end();
        }
        if begins_block(*slots.start()) {
            self.block = Some(*slots.start());
        }
        if *slots.end() == end_of_block(*slots.end())
            && let Some(block) = self.block.take()
        {
            self.blocks.push(block);
            self.is_news = true;
            self.past = slots.end() + 1;
        }
        None
    }

    /// The stretch as it is at the end of the walk, if it is worth a note.
    pub(crate) fn end(&mut self) -> Option<Self> {
        let mut stretch = std::mem::take(self);
        stretch.blocks.extend(stretch.first.take());
        Some(stretch).filter(|stretch| stretch.is_news)
    }
}

impl<P: Platform> Engine<P> {
    /// Where to go on instead of at the block that begins with `slot`, if that is known.
    pub(crate) async fn past_gap(&self, slot: u64) -> Result<Option<u64>, StoreError> {
        let noted = self.platform.store().get(&self.hub.gap(slot)).await?;
        let noted = noted.and_then(|bytes| String::from_utf8(bytes).ok()?.parse().ok());
        Ok(noted.filter(|past| *past > slot))
    }

    /// Notes where to go on instead of in a stretch.
    pub(crate) async fn note_gap(&self, stretch: Stretch) -> Result<(), ReadError> {
        let Stretch { blocks, past, .. } = stretch;
        let settled = match self.scheduler_state().await {
            Ok(found) => found.map_or(0, |(state, _)| state.marks.created),
            Err(SchedulerError::Read(error)) => return Err(error),
            // What cannot be read settles nothing.
            Err(_) => 0,
        };
        if past > settled + 1 {
            return Ok(());
        }
        let notes: Vec<_> =
            blocks.into_iter().map(|block| (self.hub.gap(block), past.to_string().into_bytes())).collect();
        for notes in notes.chunks(KEYS) {
            self.platform.store().set_many(notes.to_vec()).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(stretch: Option<Stretch>) -> Option<(Vec<u64>, u64)> {
        stretch.map(|stretch| (stretch.blocks, stretch.past))
    }

    #[test]
    fn whole_blocks_are_noted_and_lead_past_the_last_of_them() {
        assert!(begins_block(1) && begins_block(257) && !begins_block(256) && !begins_block(2));
        assert_eq!((end_of_block(1), end_of_block(256), end_of_block(257)), (256, 256, 512));
        let mut stretch = Stretch::default();
        // The end of a block is not worth a note, nor the beginning of one.
        assert!(stretch.walk(&(250..=256), true).is_none());
        assert!(stretch.walk(&(257..=400), true).is_none());
        assert!(stretch.walk(&(401..=512), true).is_none());
        assert!(stretch.walk(&(513..=768), true).is_none());
        assert!(stretch.walk(&(769..=800), true).is_none());
        assert_eq!(noted(stretch.walk(&(801..=832), false)), Some((vec![257, 513], 769)));
        // Nothing is left of it.
        assert!(stretch.walk(&(833..=1024), true).is_none());
        assert!(stretch.end().is_none());
    }

    #[test]
    fn several_notes_in_a_row_become_one() {
        let mut stretch = Stretch::default();
        stretch.follow(1, 513);
        assert!(stretch.walk(&(513..=544), true).is_none());
        assert!(stretch.walk(&(545..=576), false).is_none(), "one note is as good as it can be");
        stretch.follow(1, 513);
        stretch.follow(513, 1025);
        assert_eq!(noted(stretch.end()), Some((vec![1], 1025)));
        stretch.follow(1, 513);
        assert!(stretch.walk(&(513..=768), true).is_none());
        assert_eq!(noted(stretch.end()), Some((vec![513, 1], 769)));
    }
}

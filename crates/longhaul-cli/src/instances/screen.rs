//! A part of a terminal that is drawn again and again in place.

use std::io::{self, Write};

use crossterm::cursor::{MoveToColumn, MoveUp};
use crossterm::queue;
use crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, DisableLineWrap, EnableLineWrap, EndSynchronizedUpdate,
};

/// What was drawn last stays on the terminal: nothing need be put back, however the process ends.
#[derive(Default)]
pub struct Screen {
    /// How many lines above the cursor are ours.
    drawn: u16,
}

impl Screen {
    /// Draws `frame` in place of the one before. Of a frame that is higher than the terminal, the begin is shown; lines
    /// that are wider are cut.
    pub fn draw(&mut self, out: &mut impl Write, frame: &str, height: u16) -> io::Result<()> {
        queue!(out, BeginSynchronizedUpdate, MoveToColumn(0))?;
        if self.drawn > 0 {
            queue!(out, MoveUp(self.drawn))?;
        }
        queue!(out, Clear(ClearType::FromCursorDown), DisableLineWrap)?;
        // The last line of the terminal is the cursor's.
        let room = usize::from(height.saturating_sub(1).max(1));
        let lines: Vec<_> = frame.lines().collect();
        let shown = if lines.len() > room { room - 1 } else { lines.len() };
        for line in &lines[..shown] {
            writeln!(out, "{line}")?;
        }
        if let Some(more @ 1..) = lines.len().checked_sub(shown) {
            writeln!(out, "… {more} more lines")?;
        }
        queue!(out, EnableLineWrap, EndSynchronizedUpdate)?;
        self.drawn = u16::try_from(lines.len().min(room)).unwrap_or(height);
        out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the last call wrote, without the marks of an update.
    fn draw(screen: &mut Screen, frame: &str, height: u16) -> String {
        let mut out = Vec::new();
        screen.draw(&mut out, frame, height).unwrap();
        let text = String::from_utf8(out).unwrap();
        let text = text.strip_prefix("\u{1b}[?2026h\u{1b}[1G").unwrap();
        text.strip_suffix("\u{1b}[?7h\u{1b}[?2026l").unwrap().to_owned()
    }

    #[test]
    fn a_frame_takes_the_place_of_the_one_before() {
        let mut screen = Screen::default();
        assert_eq!(draw(&mut screen, "a\nb\n", 24), "\u{1b}[J\u{1b}[?7la\nb\n");
        assert_eq!(draw(&mut screen, "c\n", 24), "\u{1b}[2A\u{1b}[J\u{1b}[?7lc\n");
        assert_eq!(draw(&mut screen, "", 24), "\u{1b}[1A\u{1b}[J\u{1b}[?7l");
        assert_eq!(draw(&mut screen, "d\n", 24), "\u{1b}[J\u{1b}[?7ld\n");
    }

    #[test]
    fn a_frame_that_is_too_high_is_cut_so_that_the_terminal_does_not_scroll() {
        let mut screen = Screen::default();
        assert_eq!(draw(&mut screen, "a\nb\nc\nd\n", 4), "\u{1b}[J\u{1b}[?7la\nb\n… 2 more lines\n");
        assert_eq!(draw(&mut screen, "a\nb\nc\n", 4), "\u{1b}[3A\u{1b}[J\u{1b}[?7la\nb\nc\n");
        assert_eq!(draw(&mut screen, "a\nb\n", 0), "\u{1b}[3A\u{1b}[J\u{1b}[?7l… 2 more lines\n");
    }
}

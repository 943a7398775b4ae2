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
    /// Draws `frame` in place of the one before. Of a frame that is higher than the terminal, the middle is left out;
    /// without a `height` it is shown whole, and scrolls. Lines that are wider than the terminal are cut.
    pub fn draw(&mut self, out: &mut impl Write, frame: &str, height: Option<u16>) -> io::Result<()> {
        queue!(out, BeginSynchronizedUpdate, MoveToColumn(0))?;
        if self.drawn > 0 {
            queue!(out, MoveUp(self.drawn))?;
        }
        queue!(out, Clear(ClearType::FromCursorDown), DisableLineWrap)?;
        let lines = match height {
            // The last line of the terminal is the cursor's.
            Some(height) => fitted(frame, usize::from(height.saturating_sub(1).max(1))),
            None => frame.lines().map(str::to_owned).collect(),
        };
        for line in &lines {
            writeln!(out, "{line}")?;
        }
        queue!(out, EnableLineWrap, EndSynchronizedUpdate)?;
        self.drawn = u16::try_from(lines.len()).unwrap_or(u16::MAX);
        out.flush()
    }
}

/// The lines of a frame, at most `room`: its begin, which says what it is, and its end, where what is new stands.
fn fitted(frame: &str, room: usize) -> Vec<String> {
    let lines: Vec<_> = frame.lines().map(str::to_owned).collect();
    if lines.len() <= room {
        return lines;
    }
    let begin = (room - 1) / 2;
    let end = room - 1 - begin;
    let (first, rest) = lines.split_at(begin);
    let (left_out, last) = rest.split_at(rest.len() - end);
    [first, &[format!("… {} more lines", left_out.len())], last].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the last call wrote, without the marks of an update.
    fn draw(screen: &mut Screen, frame: &str, height: impl Into<Option<u16>>) -> String {
        let mut out = Vec::new();
        screen.draw(&mut out, frame, height.into()).unwrap();
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
    fn of_a_frame_that_is_too_high_the_middle_is_left_out_so_that_the_terminal_does_not_scroll() {
        let mut screen = Screen::default();
        let high = "a\nb\nc\nd\n";
        assert_eq!(draw(&mut screen, high, 4), "\u{1b}[J\u{1b}[?7la\n… 2 more lines\nd\n");
        assert_eq!(draw(&mut screen, "a\nb\nc\n", 4), "\u{1b}[3A\u{1b}[J\u{1b}[?7la\nb\nc\n");
        assert_eq!(draw(&mut screen, high, 0), "\u{1b}[3A\u{1b}[J\u{1b}[?7l… 4 more lines\n");
        assert_eq!(draw(&mut screen, high, None), format!("\u{1b}[1A\u{1b}[J\u{1b}[?7l{high}"));
    }
}

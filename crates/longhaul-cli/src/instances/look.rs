//! How output looks: on a terminal as wide as it is and with colours, else as it is.

use std::io::{IsTerminal, Write, stdout};

use comfy_table::{Cell, Color, ContentArrangement, Table, presets};
use crossterm::terminal;

use super::failure::Failure;
use super::model::{End, Status};

/// What the output is written to can show.
#[derive(Debug, Clone, Copy, Default)]
pub struct Look {
    /// Columns; None if there is no end to a line.
    pub width: Option<u16>,
    pub colour: bool,
}

impl Look {
    /// That of standard output.
    pub fn of_stdout() -> Self {
        let is_terminal = stdout().is_terminal();
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let size = terminal::size().ok().filter(|_| is_terminal);
        Self { width: size.map(|(columns, _)| columns), colour: is_terminal && !no_colour }
    }

    /// A table without lines, its columns two blanks apart.
    pub fn table(self) -> Table {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING);
        if let Some(width) = self.width {
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        }
        if self.colour {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        table
    }

    /// The lines of a table, without blanks at their ends.
    pub fn lines(self, mut table: Table) -> String {
        let last = table.column_count().saturating_sub(1);
        for (number, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, if number == last { 0 } else { 2 }));
        }
        let lines: Vec<_> = table.lines().map(|line| line.trim_end().to_owned()).collect();
        lines.join("\n") + "\n"
    }

    /// A status, in the colour of what it means.
    pub fn status(self, status: &Status) -> Cell {
        let cell = Cell::new(super::text::plain(&status.name()));
        let colour = match (status.end(), status) {
            (Some(End::Completed), _) => Color::Green,
            (Some(End::Failed), _) => Color::Red,
            (Some(End::Stopped), _) | (None, Status::Suspended) => Color::Yellow,
            _ => Color::Cyan,
        };
        if self.colour { cell.fg(colour) } else { cell }
    }
}

/// Writes to standard output.
///
/// # Errors
/// When nobody reads it any more, or it cannot be written.
pub fn say(text: &str) -> Result<(), Failure> {
    let mut out = stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}

//! How what a text means looks. Nothing is assumed of the background: the terminal's own colours stay, and what stands out
//! does so by weight, by a word, and by a colour that is legible on black as on white. Colour never says anything alone.

use ratatui::style::{Color, Modifier, Style};

/// What a piece of text means, which decides how it looks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Meaning {
    Plain,
    /// Of less interest.
    Quiet,
    /// Of more interest.
    Strong,
    /// Somebody should look.
    Attention,
    /// It is wrong now.
    Bad,
}

/// The looks of all that is drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Palette {
    has_colour: bool,
}

impl Palette {
    pub(crate) const fn new(has_colour: bool) -> Self {
        Self { has_colour }
    }

    pub(crate) fn of(self, meaning: Meaning) -> Style {
        let style = Style::new();
        match meaning {
            Meaning::Plain => style,
            Meaning::Quiet => style.add_modifier(Modifier::DIM),
            Meaning::Strong => style.add_modifier(Modifier::BOLD),
            Meaning::Attention => self.coloured(style, Color::Magenta),
            Meaning::Bad => self.coloured(style.add_modifier(Modifier::BOLD), Color::Red),
        }
    }

    /// What is selected.
    pub(crate) fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// As [`of`](Self::of), in what is selected: without colours, which would be the background there.
    pub(crate) fn in_bar(self, meaning: Meaning) -> Style {
        match meaning {
            Meaning::Bad | Meaning::Strong => Style::new().add_modifier(Modifier::BOLD),
            Meaning::Plain | Meaning::Quiet | Meaning::Attention => Style::new(),
        }
    }

    /// Headings of columns.
    pub(crate) fn heading(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// A key that may be pressed.
    pub(crate) fn key(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD | Modifier::UNDERLINED)
    }

    /// A curve.
    pub(crate) fn curve(self) -> Style {
        self.coloured(Style::new(), Color::Cyan)
    }

    fn coloured(self, style: Style, colour: Color) -> Style {
        if self.has_colour { style.fg(colour) } else { style }
    }
}

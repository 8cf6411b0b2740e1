//! Indented text; the only place that pushes spaces and newlines.

/// Rust text that grows line by line.
#[derive(Debug, Default)]
pub(super) struct Writer {
    out: String,
    depth: usize,
}

impl Writer {
    /// One line.
    pub(super) fn line(&mut self, text: &str) {
        let depth = if text.is_empty() { 0 } else { self.depth };
        for _ in 0..depth {
            self.out.push_str("    ");
        }
        self.out.push_str(text);
        self.out.push('\n');
    }

    /// A line, after which everything stands one step to the right.
    pub(super) fn open(&mut self, text: &str) {
        self.line(text);
        self.depth += 1;
    }

    /// Ends what [`Self::open`] began.
    pub(super) fn close(&mut self, text: &str) {
        self.depth = self.depth.saturating_sub(1);
        self.line(text);
    }

    pub(super) fn finish(self) -> String {
        self.out
    }
}

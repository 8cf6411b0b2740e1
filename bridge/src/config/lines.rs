//! Where in `bridge.toml` something stands, so that what is wrong with it can be named with its line.

use toml_edit::{Document, Item, Table};

/// The file, and where its parts begin.
pub(super) struct Lines<'a> {
    text: &'a str,
    document: Option<Document<&'a str>>,
}

impl<'a> Lines<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self {
            text,
            document: Document::parse(text).ok(),
        }
    }

    /// The file as a whole.
    pub(super) fn top(&self) -> Place<'_> {
        Place {
            text: self.text,
            table: self.document.as_ref().map(|document| document.as_table()),
            name: None,
        }
    }

    /// The entry of `[[list]]` that has this index.
    pub(super) fn entry(&self, list: &str, index: usize) -> Place<'_> {
        let entries = self.item(list).and_then(Item::as_array_of_tables);
        Place {
            table: entries.and_then(|entries| entries.get(index)),
            name: Some(format!("{list} {}", index + 1)),
            ..self.top()
        }
    }

    /// The table `[outer.name]`.
    pub(super) fn table(&self, outer: &str, name: &str) -> Place<'_> {
        let outer_table = self.item(outer).and_then(Item::as_table);
        Place {
            table: outer_table.and_then(|outer| outer.get(name)?.as_table()),
            name: Some(format!("{outer} {name}")),
            ..self.top()
        }
    }

    fn item(&self, key: &str) -> Option<&Item> {
        self.document.as_ref()?.as_table().get(key)
    }
}

/// A table in the file.
pub(super) struct Place<'a> {
    text: &'a str,
    table: Option<&'a Table>,
    name: Option<String>,
}

impl Place<'_> {
    /// Where a key of the table stands, or the table where it has no such key, and which table that is: `line 7, route 2`.
    pub(super) fn of(&self, key: &str) -> String {
        let value = self.table.and_then(|table| table.get(key)?.span());
        let span = value.or_else(|| self.table?.span());
        let line = span.map(|span| {
            let before = self.text.bytes().take(span.start);
            format!("line {}", before.filter(|byte| *byte == b'\n').count() + 1)
        });
        let parts: Vec<String> = line.into_iter().chain(self.name.clone()).collect();
        parts.join(", ")
    }
}

//! A list of rows on the screen: which are shown, in which order, and which one is selected. Pure.
//!
//! What is selected is remembered by what it is, not by where it stands, so that it stays selected when the order changes.

use std::cmp::Ordering;

use crate::palette::Meaning;

/// What a list can hold.
pub(crate) trait Row: Sized + 'static {
    /// What makes it the same row a second later.
    type Id: Clone + PartialEq;

    fn id(&self) -> Self::Id;

    /// What is shown of it, the first one always.
    fn columns() -> &'static [Column<Self>];

    /// The texts that a filter looks into.
    fn searched(&self) -> Vec<String>;
}

/// One column.
pub(crate) struct Column<R> {
    pub(crate) heading: &'static str,
    /// In characters. The first column takes what the others leave.
    pub(crate) width: u16,
    /// Columns of low rank are shown first where there is no room for all.
    pub(crate) rank: u8,
    pub(crate) align: Align,
    pub(crate) cell: fn(&R) -> Cell,
    /// Ascending.
    pub(crate) order: fn(&R, &R) -> Ordering,
}

/// On which side a cell is cut, and to which its text goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Align {
    /// Words. Sorted from A to Z at first.
    Left,
    /// Numbers. Sorted from the largest at first.
    Right,
    /// Bars, the newest last. Where there is room, more of them are shown. Sorted as numbers are.
    Trend,
}

impl Align {
    /// Whether the column is sorted from the largest at first.
    pub(crate) fn is_descending(self) -> bool {
        self != Self::Left
    }
}

/// The text of one cell and what it means.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) meaning: Meaning,
}

/// How a list stands.
#[derive(Clone, Debug)]
pub(crate) struct List<R: Row> {
    /// By which column it is sorted.
    pub(crate) sort: usize,
    /// Against the order that the column has at first.
    pub(crate) is_reversed: bool,
    selected: Option<R::Id>,
    /// Where it was last, for when it is gone.
    place: usize,
    /// The first row on the screen.
    offset: usize,
}

impl<R: Row> List<R> {
    /// Sorted by this column.
    pub(crate) fn sorted_by(sort: usize) -> Self {
        Self {
            sort,
            is_reversed: false,
            selected: None,
            place: 0,
            offset: 0,
        }
    }

    /// The rows that a filter lets through, in order.
    pub(crate) fn shown<'a>(&self, rows: &'a [R], filter: &str) -> Vec<&'a R> {
        let filter = filter.to_lowercase();
        let is_meant =
            |row: &&R| filter.is_empty() || row.searched().iter().any(|text| text.to_lowercase().contains(&filter));
        let mut shown: Vec<&R> = rows.iter().filter(is_meant).collect();
        if let Some(column) = R::columns().get(self.sort) {
            let is_descending = column.align.is_descending() != self.is_reversed;
            // Those that are equal keep the order of their names.
            shown.sort_by(|a, b| match is_descending {
                true => (column.order)(b, a),
                false => (column.order)(a, b),
            });
        }
        shown
    }

    /// The row that is selected, by what it is or where it was.
    pub(crate) fn selected<'a>(&self, shown: &[&'a R]) -> Option<(usize, &'a R)> {
        let known = self
            .selected
            .as_ref()
            .and_then(|id| shown.iter().position(|row| row.id() == *id));
        let place = known.unwrap_or(self.place.min(shown.len().saturating_sub(1)));
        shown.get(place).map(|row| (place, *row))
    }

    /// Selects the row so many further down, or up.
    pub(crate) fn step(&mut self, shown: &[&R], by: isize) {
        let place = self.selected(shown).map_or(0, |(place, _)| place);
        self.select(shown, place.saturating_add_signed(by));
    }

    /// Selects a row by its place.
    pub(crate) fn select(&mut self, shown: &[&R], place: usize) {
        self.place = place.min(shown.len().saturating_sub(1));
        self.selected = shown.get(self.place).map(|row| row.id());
    }

    /// Sorts by another column.
    pub(crate) fn sort_by_next(&mut self, by: isize) {
        let columns = R::columns().len().cast_signed().max(1);
        self.sort = (self.sort.cast_signed() + by).rem_euclid(columns).cast_unsigned();
        self.is_reversed = false;
    }

    /// The first row on a screen of so many lines, so that the selected one is on it.
    pub(crate) fn window(&mut self, place: usize, lines: usize, rows: usize) -> usize {
        let lines = lines.max(1);
        let (lowest, last) = ((place + 1).saturating_sub(lines), rows.saturating_sub(lines));
        self.offset = self.offset.clamp(lowest, place).min(last.max(lowest));
        self.offset
    }
}

impl<R: Row> Default for List<R> {
    fn default() -> Self {
        Self::sorted_by(0)
    }
}

impl Cell {
    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self::new(Meaning::Plain, text)
    }

    pub(crate) fn new(meaning: Meaning, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            meaning,
        }
    }
}

/// The first column is no narrower, where the screen is not.
const FIRST_WIDTH_MIN: u16 = 8;
/// It is no wider, as long as bars can use the room.
const FIRST_WIDTH_MAX: u16 = 44;
/// So many bars are enough.
pub(crate) const TREND_WIDTH_MAX: u16 = 60;

/// The columns that fit into a width: the first, those of the lowest rank, and always the one that is sorted by. In their
/// order, each with its width.
pub(crate) fn columns_that_fit<R: Row>(width: u16, sort: usize) -> Vec<(usize, u16)> {
    let columns = R::columns();
    let Some(first) = columns.first() else {
        return Vec::new();
    };
    let mut wanted: Vec<(usize, &Column<R>)> = columns.iter().enumerate().skip(1).collect();
    wanted.sort_by_key(|(place, column)| (*place != sort, column.rank));
    let least = first.width.min((width / 2).max(FIRST_WIDTH_MIN));
    let mut left = width.saturating_sub(least);
    let mut fitting = Vec::new();
    for (place, column) in wanted {
        let Some(rest) = left.checked_sub(column.width + 1) else {
            break;
        };
        left = rest;
        fitting.push((place, column.width));
    }
    let grown = left.min(FIRST_WIDTH_MAX.saturating_sub(least));
    let mut rest = left - grown;
    for (place, width) in &mut fitting {
        if columns.get(*place).is_some_and(|column| column.align == Align::Trend) {
            let more = rest.min(TREND_WIDTH_MAX.saturating_sub(*width));
            (*width, rest) = (*width + more, rest - more);
        }
    }
    fitting.push((0, least.min(width) + grown + rest));
    fitting.sort_unstable();
    fitting
}

/// The order of two numbers, of which that of nobody is the least.
pub(crate) fn by_number(a: Option<f64>, b: Option<f64>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Fruit(&'static str, u64);

    impl Row for Fruit {
        type Id = &'static str;

        fn id(&self) -> &'static str {
            self.0
        }

        fn columns() -> &'static [Column<Self>] {
            &[
                Column {
                    heading: "NAME",
                    width: 6,
                    rank: 0,
                    align: Align::Left,
                    cell: |fruit| Cell::plain(fruit.0),
                    order: |a, b| a.0.cmp(b.0),
                },
                Column {
                    heading: "COUNT",
                    width: 5,
                    rank: 2,
                    align: Align::Right,
                    cell: |fruit| Cell::plain(fruit.1.to_string()),
                    order: |a, b| a.1.cmp(&b.1),
                },
                Column {
                    heading: "MORE",
                    width: 4,
                    rank: 1,
                    align: Align::Left,
                    cell: |_| Cell::plain(""),
                    order: |_, _| Ordering::Equal,
                },
            ]
        }

        fn searched(&self) -> Vec<String> {
            vec![self.0.to_owned()]
        }
    }

    const FRUITS: [Fruit; 4] = [Fruit("apple", 3), Fruit("fig", 9), Fruit("pear", 1), Fruit("plum", 9)];

    fn names(shown: &[&Fruit]) -> Vec<&'static str> {
        shown.iter().map(|fruit| fruit.0).collect()
    }

    #[test]
    fn numbers_begin_with_the_largest_and_equal_ones_keep_the_order_of_names() {
        let mut list = List::<Fruit>::sorted_by(1);
        assert_eq!(names(&list.shown(&FRUITS, "")), ["fig", "plum", "apple", "pear"]);
        list.is_reversed = true;
        assert_eq!(names(&list.shown(&FRUITS, "P")), ["pear", "apple", "plum"]);
    }

    #[test]
    fn what_is_selected_stays_selected_when_the_order_changes() {
        let mut list = List::<Fruit>::sorted_by(0);
        let shown = list.shown(&FRUITS, "");
        list.step(&shown, 1);
        list.sort_by_next(1);
        let shown = list.shown(&FRUITS, "");
        assert_eq!(list.selected(&shown).unwrap().1.0, "fig");
        let shown = list.shown(&FRUITS, "plu");
        assert_eq!(
            list.selected(&shown).unwrap().1.0,
            "plum",
            "the nearest, where it is gone"
        );
        assert!(list.selected(&list.shown(&FRUITS, "nothing")).is_none());
        list.step(&[], 5);
        list.step(&list.shown(&FRUITS, ""), isize::MIN);
    }

    #[test]
    fn the_window_follows_what_is_selected_and_leaves_no_empty_lines() {
        let mut list = List::<Fruit>::sorted_by(0);
        assert_eq!(list.window(0, 3, 10), 0);
        assert_eq!(list.window(5, 3, 10), 3);
        assert_eq!(list.window(4, 3, 10), 3);
        assert_eq!(list.window(2, 3, 10), 2);
        assert_eq!(list.window(9, 3, 10), 7);
        assert_eq!(list.window(9, 30, 10), 0, "the screen has grown");
        assert_eq!(list.window(0, 0, 0), 0);
    }

    #[test]
    fn the_column_that_is_sorted_by_is_always_shown() {
        assert_eq!(columns_that_fit::<Fruit>(80, 0), [(0, 69), (1, 5), (2, 4)]);
        assert_eq!(columns_that_fit::<Fruit>(12, 0), [(0, 7), (2, 4)]);
        assert_eq!(columns_that_fit::<Fruit>(12, 1), [(0, 6), (1, 5)]);
        assert_eq!(columns_that_fit::<Fruit>(3, 0), [(0, 3)]);
    }
}

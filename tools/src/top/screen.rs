//! What is on the screen: which list, which row is open, what is filtered for; and what each key changes. Pure.

use nuncio::TopicName;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::list::{List, Row};
use super::model::Model;
use super::rows::{NodeRow, RefusalId, RefusalRow, TopicRow};
use crate::standing::NodeId;

/// How many rows a page is, whatever the height of the screen.
const PAGE: isize = 10;

/// The longest filter.
const FILTER_MAX: usize = 64;

/// What is shown.
#[derive(Debug, Default)]
pub(crate) struct Screen {
    pub(crate) tab: Tab,
    pub(crate) topics: List<TopicRow>,
    pub(crate) nodes: List<NodeRow>,
    pub(crate) refusals: List<RefusalRow>,
    pub(crate) filter: String,
    /// Whether keys go into the filter.
    pub(crate) is_filtering: bool,
    pub(crate) shows_help: bool,
    pub(crate) is_paused: bool,
    pub(crate) open: Option<Open>,
    /// How far what is open, or the help, is moved up, in lines; in a topic, which field is selected.
    pub(crate) line: usize,
}

/// Which list.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Tab {
    #[default]
    Topics,
    Nodes,
    Refusals,
}

/// What is looked into.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Open {
    Topic(TopicName),
    Node(NodeId),
    Refusal(RefusalId),
}

/// What a key means beyond the screen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Wish {
    /// To go on.
    GoOn,
    /// To end.
    Quit,
    /// To count anew from now on.
    CountAnew,
}

impl Tab {
    pub(crate) const ALL: [Self; 3] = [Self::Topics, Self::Nodes, Self::Refusals];

    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Topics => "Topics",
            Self::Nodes => "Nodes",
            Self::Refusals => "Refusals",
        }
    }
}

impl Screen {
    /// The topics, the busiest first.
    pub(crate) fn new() -> Self {
        Self {
            topics: List::sorted_by(1),
            nodes: List::sorted_by(0),
            refusals: List::sorted_by(3),
            ..Self::default()
        }
    }

    /// What a key does.
    pub(crate) fn press(&mut self, key: KeyEvent, model: &Model) -> Wish {
        if key.kind == KeyEventKind::Release {
            return Wish::GoOn;
        }
        let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c') if is_control => return Wish::Quit,
            _ if self.is_filtering => self.type_filter(key.code, is_control),
            _ if self.shows_help => self.press_in_help(key.code),
            KeyCode::Char('q') => return Wish::Quit,
            KeyCode::Char('z') => return Wish::CountAnew,
            KeyCode::Char('?' | 'h') | KeyCode::F(1) => (self.shows_help, self.line) = (true, 0),
            KeyCode::Char(' ' | 'p') => self.is_paused = !self.is_paused,
            code if self.open.is_some() => self.press_in_detail(code),
            code => self.press_in_list(code, model),
        }
        Wish::GoOn
    }

    /// The topic that is open.
    pub(crate) fn open_topic(&self) -> Option<&TopicName> {
        match &self.open {
            Some(Open::Topic(topic)) => Some(topic),
            _ => None,
        }
    }

    fn press_in_list(&mut self, code: KeyCode, model: &Model) {
        match code {
            KeyCode::Esc if !self.filter.is_empty() => self.filter.clear(),
            KeyCode::Char('/') => self.is_filtering = true,
            KeyCode::Tab | KeyCode::Right | KeyCode::Char('l') => self.tab = self.next_tab(1),
            KeyCode::BackTab | KeyCode::Left => self.tab = self.next_tab(2),
            KeyCode::Char('1') => self.tab = Tab::Topics,
            KeyCode::Char('2') => self.tab = Tab::Nodes,
            KeyCode::Char('3') => self.tab = Tab::Refusals,
            KeyCode::Enter => self.enter(model),
            code => match self.tab {
                Tab::Topics => press_in(&mut self.topics, &model.topics, &self.filter, code),
                Tab::Nodes => press_in(&mut self.nodes, &model.nodes, &self.filter, code),
                Tab::Refusals => press_in(&mut self.refusals, &model.refusals, &self.filter, code),
            },
        }
    }

    fn next_tab(&self, by: usize) -> Tab {
        let place = Tab::ALL.iter().position(|tab| *tab == self.tab).unwrap_or_default();
        Tab::ALL.get((place + by) % Tab::ALL.len()).copied().unwrap_or_default()
    }

    fn enter(&mut self, model: &Model) {
        fn selected<R: Row>(list: &List<R>, rows: &[R], filter: &str) -> Option<R::Id> {
            list.selected(&list.shown(rows, filter)).map(|(_, row)| row.id())
        }
        let filter = &self.filter;
        self.open = match self.tab {
            Tab::Topics => selected(&self.topics, &model.topics, filter).map(Open::Topic),
            Tab::Nodes => selected(&self.nodes, &model.nodes, filter).map(Open::Node),
            Tab::Refusals => selected(&self.refusals, &model.refusals, filter).map(Open::Refusal),
        };
        self.line = 0;
    }

    fn press_in_detail(&mut self, code: KeyCode) {
        match code {
            KeyCode::Esc | KeyCode::Backspace | KeyCode::Left => (self.open, self.line) = (None, 0),
            code => self.scroll(code),
        }
    }

    fn press_in_help(&mut self, code: KeyCode) {
        match code {
            KeyCode::Up | KeyCode::Down | KeyCode::PageUp | KeyCode::PageDown | KeyCode::Home => self.scroll(code),
            _ => (self.shows_help, self.line) = (false, 0),
        }
    }

    fn scroll(&mut self, code: KeyCode) {
        self.line = match step(code) {
            Some(by) => self.line.saturating_add_signed(by),
            None if code == KeyCode::Home => 0,
            None if code == KeyCode::End => usize::MAX,
            None => self.line,
        };
    }

    fn type_filter(&mut self, code: KeyCode, is_control: bool) {
        match code {
            KeyCode::Enter => self.is_filtering = false,
            KeyCode::Esc => {
                self.filter.clear();
                self.is_filtering = false;
            }
            KeyCode::Backspace => drop(self.filter.pop()),
            KeyCode::Char('u') if is_control => self.filter.clear(),
            KeyCode::Char(character) if !is_control && self.filter.chars().count() < FILTER_MAX => {
                self.filter.push(character);
            }
            _ => {}
        }
    }
}

fn press_in<R: Row>(list: &mut List<R>, rows: &[R], filter: &str, code: KeyCode) {
    match code {
        KeyCode::Char('s') => list.sort_by_next(1),
        KeyCode::Char('S') => list.sort_by_next(-1),
        KeyCode::Char('r') => list.is_reversed = !list.is_reversed,
        code => {
            let shown = list.shown(rows, filter);
            match step(code) {
                Some(by) => list.step(&shown, by),
                None if code == KeyCode::Home => list.select(&shown, 0),
                None if code == KeyCode::End => list.select(&shown, usize::MAX),
                None => {}
            }
        }
    }
}

/// How many rows further a key leads.
const fn step(code: KeyCode) -> Option<isize> {
    match code {
        KeyCode::Down | KeyCode::Char('j') => Some(1),
        KeyCode::Up | KeyCode::Char('k') => Some(-1),
        KeyCode::PageDown => Some(PAGE),
        KeyCode::PageUp => Some(-PAGE),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::top::tests::model_of_a_robot;

    fn press(screen: &mut Screen, model: &Model, code: KeyCode) -> Wish {
        screen.press(KeyEvent::new(code, KeyModifiers::NONE), model)
    }

    #[test]
    fn enter_opens_what_is_selected_and_esc_leads_back() {
        let (mut screen, model) = (Screen::new(), model_of_a_robot());
        press(&mut screen, &model, KeyCode::Down);
        press(&mut screen, &model, KeyCode::Enter);
        assert_eq!(screen.open_topic().unwrap().as_str(), "/camera/image");
        press(&mut screen, &model, KeyCode::Esc);
        assert_eq!(screen.open, None);
        press(&mut screen, &model, KeyCode::Char('2'));
        press(&mut screen, &model, KeyCode::Enter);
        assert!(
            matches!(&screen.open, Some(Open::Node(id)) if id.name.as_str() == "/arm"),
            "{:?}",
            screen.open
        );
        assert_eq!(press(&mut screen, &model, KeyCode::Char('q')), Wish::Quit);
    }

    #[test]
    fn keys_go_into_the_filter_while_it_is_typed_and_only_control_c_ends() {
        let (mut screen, model) = (Screen::new(), model_of_a_robot());
        for character in "/qimu".chars() {
            assert_eq!(press(&mut screen, &model, KeyCode::Char(character)), Wish::GoOn);
        }
        assert_eq!(screen.filter, "qimu");
        let control_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(screen.press(control_c, &model), Wish::Quit);
        for _ in 0..1000 {
            press(&mut screen, &model, KeyCode::Char('猫'));
        }
        assert_eq!(screen.filter.chars().count(), FILTER_MAX);
        press(&mut screen, &model, KeyCode::Esc);
        assert!(screen.filter.is_empty() && !screen.is_filtering);
    }

    #[test]
    fn no_key_does_harm_where_there_is_nothing() {
        let (mut screen, model) = (Screen::new(), Model::default());
        for code in [
            KeyCode::Enter,
            KeyCode::Up,
            KeyCode::End,
            KeyCode::PageDown,
            KeyCode::Tab,
            KeyCode::Char('S'),
        ] {
            for _ in 0..5 {
                press(&mut screen, &model, code);
            }
        }
        assert_eq!(screen.open, None);
    }

    #[test]
    fn what_is_pressed_again_and_again_is_counted_once_where_keys_are_released() {
        let (mut screen, model) = (Screen::new(), Model::default());
        let mut key = KeyEvent::new(KeyCode::Char('q'), KeyModifiers::NONE);
        key.kind = KeyEventKind::Release;
        assert_eq!(screen.press(key, &model), Wish::GoOn);
    }
}

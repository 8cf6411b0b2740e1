//! What the screen looks like, as text, and that no size and no claim breaks it.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

use std::collections::VecDeque;

use nuncio::TopicName;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::{Color, Modifier};

use super::*;
use crate::leaves::Leaf;
use crate::top::rows::{Count, RefusalId, RefusalRow, Spans};
use crate::top::tests::{id, model_of_a_robot};

fn drawn((width, height): (u16, u16), screen: &mut Screen, model: &Model, has_colour: bool) -> Terminal<TestBackend> {
    let sight = sight();
    let scene = Scene {
        model,
        sight: Some(&sight),
        palette: Palette::new(has_colour),
        place: "domain 0, every 1 s",
    };
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, screen, &scene)).unwrap();
    terminal
}

fn picture(size: (u16, u16), screen: &mut Screen, model: &Model) -> String {
    drawn(size, screen, model, true).backend().to_string()
}

fn after(keys: &str, model: &Model) -> Screen {
    let mut screen = Screen::new();
    for key in keys.chars() {
        let code = match key {
            '\n' => KeyCode::Enter,
            '\t' => KeyCode::Tab,
            '↓' => KeyCode::Down,
            character => KeyCode::Char(character),
        };
        screen.press(KeyEvent::new(code, KeyModifiers::NONE), model);
    }
    screen
}

fn sight() -> Sight {
    let leaf = |path: &str, number: f64| Leaf {
        path: path.to_owned(),
        text: number.to_string(),
        number: Some(number),
    };
    Sight {
        head: "#612 of /base z6MktwuN…pkwqp4, pinned, 0.81 ms old, 312 B".to_owned(),
        fields: vec![
            (leaf("orientation.w", 1.0), None),
            (leaf("angular_velocity.z", 0.25), Some("rad/s".to_owned())),
            (leaf("linear_acceleration.z", -9.81), Some("m/s^2".to_owned())),
        ],
        plotted: Some("angular_velocity.z".to_owned()),
        points: (0..200)
            .map(|step| (f64::from(step) / 20.0, (f64::from(step) / 15.0).sin()))
            .collect(),
        ..Sight::default()
    }
}

#[test]
fn the_topics_at_80_by_24() {
    let model = model_of_a_robot();
    insta::assert_snapshot!(picture((80, 24), &mut after("", &model), &model));
}

#[test]
fn the_topics_at_200_by_60() {
    let model = model_of_a_robot();
    insta::assert_snapshot!(picture((200, 60), &mut after("", &model), &model));
}

#[test]
fn the_topics_at_20_by_5() {
    let model = model_of_a_robot();
    insta::assert_snapshot!(picture((20, 5), &mut after("", &model), &model));
}

#[test]
fn the_nodes_at_80_by_24() {
    let model = model_of_a_robot();
    insta::assert_snapshot!(picture((80, 24), &mut after("2", &model), &model));
}

#[test]
fn the_refusals_at_80_by_24() {
    let model = model_of_a_robot();
    insta::assert_snapshot!(picture((80, 24), &mut after("3", &model), &model));
}

#[test]
fn a_topic_that_is_open_at_80_by_24() {
    let model = model_of_a_robot();
    insta::assert_snapshot!(picture((80, 24), &mut after("\n↓", &model), &model));
}

#[test]
fn a_node_that_is_open_at_80_by_24() {
    let model = model_of_a_robot();
    insta::assert_snapshot!(picture((80, 24), &mut after("2↓\n", &model), &model));
}

#[test]
fn a_refusal_that_is_open_at_80_by_24() {
    let model = model_of_a_robot();
    insta::assert_snapshot!(picture((80, 24), &mut after("3\n", &model), &model));
}

#[test]
fn the_help_at_80_by_24() {
    let model = model_of_a_robot();
    insta::assert_snapshot!(picture((80, 24), &mut after("?", &model), &model));
}

#[test]
fn a_filter_that_is_typed_at_80_by_24() {
    let model = model_of_a_robot();
    insta::assert_snapshot!(picture((80, 24), &mut after("/alice", &model), &model));
}

#[test]
fn no_size_of_the_screen_and_no_key_panics() {
    let (full, empty) = (model_of_a_robot(), Model::default());
    for model in [&full, &empty] {
        for keys in [
            "",
            "2",
            "3",
            "\n",
            "\n↓↓↓↓",
            "2\n",
            "2\n↓↓",
            "3\n↓",
            "?",
            "?↓↓↓",
            "/x",
            "ssssssssr",
            "2↓↓↓↓↓S",
        ] {
            for size in [(0, 0), (1, 1), (1, 50), (2, 3), (20, 5), (50, 1), (79, 12), (300, 100)] {
                drawn(size, &mut after(keys, model), model, true);
            }
        }
    }
}

#[test]
fn without_colours_nothing_has_one_and_what_is_wrong_still_stands_out() {
    let model = model_of_a_robot();
    for keys in ["", "2", "3", "\n", "2\n", "3\n", "?", "/x"] {
        let terminal = drawn((120, 40), &mut after(keys, &model), &model, false);
        let cells = &terminal.backend().buffer().content;
        assert!(
            cells
                .iter()
                .all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset),
            "{keys}"
        );
    }
    let terminal = drawn((80, 24), &mut after("", &model), &model, false);
    let bold: String = terminal
        .backend()
        .buffer()
        .content
        .iter()
        .filter(|cell| cell.modifier.contains(Modifier::BOLD))
        .map(|cell| cell.symbol())
        .collect();
    assert!(bold.contains("NEW KEY!"), "{bold}");
}

#[test]
fn no_background_is_assumed() {
    let model = model_of_a_robot();
    let terminal = drawn((120, 40), &mut after("", &model), &model, true);
    let cells = &terminal.backend().buffer().content;
    assert!(cells.iter().all(|cell| cell.bg == Color::Reset));
    let legible = [Color::Reset, Color::Red, Color::Magenta];
    assert!(cells.iter().all(|cell| legible.contains(&cell.fg)));
}

#[test]
fn numbers_that_nobody_can_have_are_drawn_as_well() {
    let mut model = model_of_a_robot();
    let huge = Spans {
        rate: Some(f64::INFINITY),
        byte_rate: Some(f64::MAX),
        ..Spans::default()
    };
    for row in &mut model.topics {
        (row.sent, row.history) = (huge, vec![f64::MAX, 0.0, f64::MIN_POSITIVE]);
    }
    model.refusals.push(RefusalRow {
        id: RefusalId {
            reason: nuncio::Reason::TooOld,
            topic: Some(TopicName::parse(&format!("/{}", "x".repeat(200))).unwrap()),
            by: id("/far", 9),
        },
        count: Count {
            latest: u64::MAX,
            since: u64::MAX,
            total: u64::MAX,
        },
    });
    for keys in ["", "3", "3\n", "\n"] {
        picture((80, 24), &mut after(keys, &model), &model);
    }
    let curve = crate::curve::Curve {
        title: "x",
        unit: None,
        points: &VecDeque::from([(0.0, f64::MIN), (f64::MAX, f64::MAX), (f64::MIN, 0.0)]),
    };
    let mut terminal = Terminal::new(TestBackend::new(40, 10)).unwrap();
    terminal
        .draw(|frame| crate::curve::draw(frame, frame.area(), &curve, Palette::new(true)))
        .unwrap();
}

#[test]
fn names_are_cut_so_that_they_still_differ() {
    assert_eq!(fitted("/robot1/camera/image", 10, Align::Left), "…era/image");
    assert_eq!(fitted("NotPermitted", 5, Align::Left), "NotP…");
    assert_eq!(fitted("7", 3, Align::Right), "  7");
    assert_eq!(fitted("/abc", 0, Align::Left), "");
}

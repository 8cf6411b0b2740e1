//! What filters say yes and no to, and where they say that they cannot be meant.

use nuncio::TypeSupport;
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn battery() -> RunTimeType {
    let sources = [
        (
            "demo/msg/Pack",
            "float32 percentage\nbool present\nstring serial\nstring signer\nuint64 count\nint32[3] three\nCell[] cells\nCell best\n\
             uint64 FULL=18446744073709551615\nstring GOOD=\"B-7\"\n",
        ),
        (
            "demo/msg/Cell",
            "float32 voltage\nstring maker\nfloat32 LOW=3.5\nstring OURS=x\n",
        ),
    ];
    let support = TypeSupport::compile("demo/msg/Pack", &sources).expect("it compiles");
    support.run_time_type().expect("it can be used")
}

fn known() -> Known {
    Known {
        signer: vec!["did:key:z6Mkx".to_owned(), "alice".to_owned()],
        node: "/robot_1/driver".to_owned(),
        name: "battery".to_owned(),
        number: 7,
        stamp_ns: 1_000_000_000,
        received_ns: 1_250_000_000,
    }
}

fn matches(text: &str) -> bool {
    let message = json!({
        "percentage": 0.15,
        "present": true,
        "serial": "B-7",
        "signer": "mallory",
        "count": u64::MAX,
        "three": [1, 2, 3],
        "cells": [{"voltage": 3.4, "maker": "x"}, {"voltage": "NaN", "maker": "y"}],
        "best": {"voltage": 3.9, "maker": "x"},
    });
    let filter = Filter::parse(text).unwrap_or_else(|error| panic!("{error}"));
    let codec = battery();
    let typed = filter.for_type(&codec).unwrap_or_else(|error| panic!("{error}"));
    typed.matches(&message, &known())
}

fn error(text: &str) -> FilterError {
    match Filter::parse(text) {
        Err(error) => error,
        Ok(filter) => filter.for_type(&battery()).map(|_| ()).expect_err(text),
    }
}

#[test]
fn conditions_hold_as_they_read() {
    for so in [
        "percentage < 0.2",
        "0.2 > percentage",
        "present",
        "present == true",
        "!(percentage >= 0.2)",
        "serial == \"B-7\" && present",
        "serial == 'B-8' || present",
        "cells[0].voltage < 3.5",
        "best.voltage > cells[0].voltage",
        "three[2] == 3.0",
        "three[0] == 1",
        "count == 18446744073709551615",
        "count > 18446744073709551614",
        "serial >= 'B'",
        "node == '/robot_1/driver' && name == 'battery'",
        "percentage > -1e3",
        "! ! present",
        "present || present && !present",
        "len(cells) == 2 && len(serial) == 3 && len( three ) > 2",
        "len(best.maker) == 1",
        "serial contains 'B-' && serial contains \"7\" && !(serial contains 'b')",
        "node contains'robot' && 'x,y' contains best.maker",
        "count == FULL && GOOD == serial",
        "cells[0].voltage < LOW && best.voltage > LOW",
        "best.maker == OURS",
        "node contains 'robot' && number == 7 && topic == 'battery' && stamp == 1 && age < 0.3",
        "!(cells[1].voltage == cells[1].voltage)",
        "cells[1].voltage != cells[1].voltage",
    ] {
        assert!(matches(so), "{so}");
    }
    for not_so in [
        "percentage < 0.1",
        "!present",
        "serial == 'b-7'",
        "cells[5].voltage < 100",
        "cells[5].voltage != 100",
        "cells[1].voltage < 100",
        "(present || present) && !present",
    ] {
        assert!(!matches(not_so), "{not_so}");
    }
}

#[test]
fn the_signer_is_whom_the_signature_names_and_never_a_field() {
    assert!(matches("signer == 'alice'"));
    assert!(matches("signer == 'did:key:z6Mkx'"));
    assert!(!matches("signer == 'mallory'"));
    assert!(matches("signer != 'mallory'"));
    assert!(!matches("signer != 'alice'"), "one of its names is enough");
    assert!(matches(".signer == 'mallory'"), "the field has a dot");
}

#[test]
fn what_is_wrong_is_told_with_its_column() {
    let cases = [
        ("", 1, "is expected here"),
        ("percentage <", 13, "is expected here"),
        ("percentage = 1", 12, "write `==`"),
        ("present & present", 9, "write `&&`"),
        ("(present", 1, "has no `)`"),
        ("present)", 8, "no `(`"),
        ("serial == 'x", 11, "no ' at its end"),
        ("percentage < 1.2.3", 14, "is no number"),
        ("percentge < 1", 1, "did you mean `percentage`?"),
        ("present && best.voltge < 1", 12, "did you mean `voltage`?"),
        ("serial.x == 1", 1, "has no fields"),
        ("serial[0] == 1", 1, "is no list"),
        ("cells == 1", 1, "is a list"),
        ("cells.voltage > 1", 1, "give an index"),
        ("three[3] == 1", 1, "there is no [3]"),
        ("best == 1", 1, "name one of its fields"),
        ("percentage == 'x'", 12, "never equal"),
        ("present < true", 9, "only `==` and `!=`"),
        ("signer < 'x'", 8, "only `==` and `!=`"),
        ("percentage", 1, "no condition"),
        ("present present", 9, "the end is expected"),
        ("cells[x]", 7, "an index is expected"),
        ("'a\\z' == serial", 3, "after `\\`"),
        ("len(best) > 1", 1, "has no length"),
        ("count contains 1", 7, "is for texts"),
        ("signer contains 'ali'", 8, "only `==` and `!=`"),
        ("serial containsx 'a'", 8, "the end is expected"),
        ("len(nothing) > 1", 1, "has no field nothing"),
        ("len(cells > 1", 11, "`)` is expected"),
        ("cells == 2", 1, "`len(cells)`"),
        ("count == LOW", 10, "has no field LOW"),
        ("serial == FULL", 8, "never equal"),
        ("age == '1'", 5, "never equal"),
    ];
    for (text, column, part) in cases {
        let error = error(text);
        assert_eq!(error.column, column, "{error}");
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn the_error_points_at_the_column() {
    assert_eq!(
        error("présent && x").to_string().lines().skip(1).collect::<Vec<_>>(),
        ["  présent && x", "    ^"]
    );
}

#[test]
fn what_lies_too_deep_or_is_too_long_is_refused_and_nothing_overflows() {
    let deep = format!("{}present{}", "(".repeat(5000), ")".repeat(5000));
    assert!(Filter::parse(&deep).is_err());
    let negated = format!("{}present", "!".repeat(4000));
    assert!(Filter::parse(&negated).is_err());
    let wide = vec!["present"; 300].join(" && ");
    assert!(matches(&wide));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[a-z0-9_.()\\[\\]!&|=<>'\" \\\\-]{0,40}") {
        if let Ok(filter) = Filter::parse(&text) {
            let _ = filter.for_type(&battery());
        }
    }

    #[test]
    fn a_damaged_filter_never_panics(of in 0..DAMAGED.len(), at in 0..64_usize, taken in 0..4_usize, put in "\\PC{0,3}") {
        let mut text: Vec<char> = DAMAGED[of].chars().collect();
        let at = at.min(text.len());
        let end = (at + taken).min(text.len());
        text.splice(at..end, put.chars());
        if let Ok(filter) = Filter::parse(&text.into_iter().collect::<String>())
            && let Ok(typed) = filter.for_type(&battery())
        {
            let _ = typed.matches(&json!({"cells": [], "three": [1], "serial": null}), &known());
        }
    }
}

/// Filters that use each part of the language.
const DAMAGED: [&str; 6] = [
    "percentage < 0.2 && signer == \"alice\"",
    "!(cells[0].voltage >= -1.5e3 || present)",
    "len(cells) == 2 && len( .serial ) > 0",
    "count == FULL && best.voltage > LOW && GOOD != serial",
    "serial == 'a\\'\\\\\\n\"' || .signer == ''",
    "number == 7 && topic == 'battery' && stamp > 1 && age < 0.3",
];

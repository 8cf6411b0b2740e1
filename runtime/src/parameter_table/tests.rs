//! The rules of declaring and setting, and what is said when they are broken.

use super::*;

fn table() -> ParameterTable {
    let mut table = ParameterTable::default();
    let mut declare = |name: &str, value: ParameterValue, descriptor: ParameterDescriptor| {
        table.check_new(name, &value, &descriptor).unwrap();
        table.insert(name, value, descriptor);
    };
    let even = ParameterRange::Integer {
        from: 2,
        to: 9,
        step: 2,
    };
    let quarters = ParameterRange::Double {
        from: 0.0,
        to: 1.0,
        step: 0.25,
    };
    let read_only = ParameterDescriptor {
        read_only: true,
        ..ParameterDescriptor::default()
    };
    let dynamic = ParameterDescriptor {
        dynamic_typing: true,
        ..ParameterDescriptor::default()
    };
    declare("count", 4.into(), ParameterDescriptor::new("pairs").range(even));
    declare("arm.gain", 0.5.into(), ParameterDescriptor::new("gain").range(quarters));
    declare("arm.joint.name", "elbow".into(), ParameterDescriptor::default());
    declare("serial", "x7".into(), read_only);
    declare("anything", ParameterValue::NotSet, dynamic);
    table
}

fn changes(list: &[(&str, ParameterValue)]) -> Vec<(String, ParameterValue)> {
    list.iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect()
}

fn refused(list: &[(&str, ParameterValue)]) -> String {
    table().check(&changes(list)).unwrap_err().to_string()
}

#[test]
fn what_a_parameter_cannot_become_is_refused_with_name_value_and_bound() {
    insta::assert_snapshot!(refused(&[("count", 11.into())]), @"parameter count cannot be 11; allowed is 2 to 9 in steps of 2");
    insta::assert_snapshot!(refused(&[("count", 5.into())]), @"parameter count cannot be 5; allowed is 2 to 9 in steps of 2");
    insta::assert_snapshot!(refused(&[("arm.gain", 0.3.into())]), @"parameter arm.gain cannot be 0.3; allowed is 0.0 to 1.0 in steps of 0.25");
    insta::assert_snapshot!(refused(&[("arm.gain", f64::NAN.into())]), @"parameter arm.gain cannot be .nan; allowed is 0.0 to 1.0 in steps of 0.25");
    insta::assert_snapshot!(refused(&[("arm.gain", 1.into())]), @"parameter arm.gain is of type double; 1 is of type integer, write 1.0");
    insta::assert_snapshot!(refused(&[("count", ParameterValue::NotSet)]), @"parameter count is of type integer and keeps a value; only one with dynamic typing can be without");
    insta::assert_snapshot!(refused(&[("arm.joint.name", 5.into())]), @r#"parameter arm.joint.name is of type string; 5 is of type integer, write "5" with its quotes"#);
    insta::assert_snapshot!(refused(&[("serial", "x8".into())]), @"parameter serial is read-only; give its value when the node starts, in a parameter file");
    insta::assert_snapshot!(refused(&[("cuont", 4.into()), ("count", 6.into()), ("gain", 1.0.into())]), @"not declared: cuont, gain; list the parameters of the node to see which are");
}

#[test]
fn a_read_only_parameter_may_be_named_with_the_value_that_it_has() {
    table()
        .check(&changes(&[("serial", "x7".into()), ("count", 6.into())]))
        .unwrap();
}

#[test]
fn both_bounds_and_every_step_are_allowed() {
    for count in [2, 4, 6, 8, 9] {
        table().check(&changes(&[("count", count.into())])).unwrap();
    }
    for gain in [0.0, 0.25, 0.75, 1.0] {
        table().check(&changes(&[("arm.gain", gain.into())])).unwrap();
    }
    let mut wide = ParameterTable::default();
    let range = ParameterRange::Integer {
        from: i64::MIN,
        to: i64::MAX,
        step: u64::MAX,
    };
    let descriptor = ParameterDescriptor::new("all").range(range);
    wide.check_new("wide", &i64::MIN.into(), &descriptor).unwrap();
    wide.insert("wide", i64::MIN.into(), descriptor);
    wide.check(&changes(&[("wide", i64::MAX.into())])).unwrap();
    wide.check(&changes(&[("wide", 0.into())])).unwrap_err();
}

#[test]
fn a_declaration_that_cannot_hold_is_refused() {
    let plain = ParameterDescriptor::default;
    let said = |name: &str, value: ParameterValue, descriptor: &ParameterDescriptor| {
        table().check_new(name, &value, descriptor).unwrap_err().to_string()
    };
    insta::assert_snapshot!(said("count", 1.into(), &plain()), @"parameter count is declared already; declare it once and set it after");
    insta::assert_snapshot!(said("a..b", 1.into(), &plain()), @r#""a..b" is not a parameter's name; write words with dots between them, 255 bytes at most"#);
    insta::assert_snapshot!(said("a", ParameterValue::NotSet, &plain()), @"parameter a has no value; give one, or allow dynamic typing in its descriptor");
    insta::assert_snapshot!(said("a", 7.into(), &plain().range(0..=5)), @"parameter a cannot be 7; allowed is 0 to 5");
    insta::assert_snapshot!(said("a", 7.into(), &plain().range(0.0..=9.0)), @"the range 0.0 to 9.0 of parameter a does not fit its type, integer; give a range of that type, the lower bound first");
    #[expect(clippy::reversed_empty_ranges, reason = "this is what is refused")]
    let reversed = plain().range(5..=0);
    insta::assert_snapshot!(said("a", 3.into(), &reversed), @"the range 5 to 0 of parameter a does not fit its type, integer; give a range of that type, the lower bound first");
}

#[test]
fn dynamic_typing_allows_any_type_and_events_say_what_came_and_went() {
    let mut table = table();
    for (value, counts) in [
        (ParameterValue::from(1), (1, 0, 0)),
        ("one".into(), (0, 1, 0)),
        (ParameterValue::NotSet, (0, 0, 1)),
    ] {
        let changes = changes(&[("anything", value)]);
        table.check(&changes).unwrap();
        let event = table.apply(changes);
        let lists = [
            &event.new_parameters,
            &event.changed_parameters,
            &event.deleted_parameters,
        ];
        assert_eq!(lists.map(Vec::len), [counts.0, counts.1, counts.2]);
    }
}

#[test]
fn names_are_listed_by_prefix_and_depth() {
    let table = table();
    let listed = |prefixes: &[&str], depth| {
        let prefixes: Vec<_> = prefixes.iter().map(|prefix| (*prefix).to_owned()).collect();
        let found = table.list(&prefixes, depth);
        (found.names.join(" "), found.prefixes.join(" "))
    };
    let all = "anything arm.gain arm.joint.name count serial";
    assert_eq!(listed(&[], 0), (all.to_owned(), "arm arm.joint".to_owned()));
    assert_eq!(listed(&[], 1).0, "anything count serial");
    assert_eq!(listed(&["arm"], 1), ("arm.gain".to_owned(), "arm".to_owned()));
    assert_eq!(listed(&["arm"], 2).0, "arm.gain arm.joint.name");
    assert_eq!(listed(&["ar"], 0).0, "");
    assert_eq!(listed(&["count"], 1).0, "count");
}

#[test]
fn values_and_descriptions_come_back_from_their_messages() {
    for value in [
        ParameterValue::NotSet,
        true.into(),
        (-3).into(),
        2.5.into(),
        "text".into(),
        vec![1u8, 255].into(),
        vec![true].into(),
        vec![1i64].into(),
        vec![1.0].into(),
        vec!["a".to_owned()].into(),
    ] {
        assert_eq!(ParameterValue::from_message(value.to_message()).unwrap(), value);
    }
    let table = table();
    for name in ["count", "arm.gain", "serial", "anything"] {
        let info = table.describe(name).unwrap();
        assert_eq!(ParameterInfo::from_message(info.to_message()).unwrap(), info);
    }
    let mut wrong = ParameterValue::NotSet.to_message();
    wrong.r#type = 10;
    let error = ParameterValue::from_message(wrong).unwrap_err();
    assert_eq!(error.to_string(), "10 is no type of a parameter; 0 to 9 are");
}

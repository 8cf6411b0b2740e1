//! What the generated types do: payloads, JSON, defaults, limits.

#![cfg(test)]

use std::fmt::Debug;

use nuncio_codegen_fixtures::interfaces::annotations::msg::{Annotated, Holder};
use nuncio_codegen_fixtures::interfaces::bounds::msg::Bounds;
use nuncio_codegen_fixtures::interfaces::constants::msg::Constants;
use nuncio_codegen_fixtures::interfaces::defaults::msg::Defaults;
use nuncio_codegen_fixtures::interfaces::empty::msg::{Nothing, Nothings};
use nuncio_codegen_fixtures::interfaces::keyword_fields::msg::Keywords;
use nuncio_codegen_fixtures::interfaces::large_arrays::msg::LargeArrays;
use nuncio_codegen_fixtures::interfaces::nested::msg::{Branch, Leaf, Tree};
use nuncio_codegen_fixtures::interfaces::services::action::{Fetch, FetchGetResultEvent, FetchSendGoalEvent};
use nuncio_codegen_fixtures::interfaces::services::msg::Point;
use nuncio_codegen_fixtures::interfaces::services::srv::{Locate, LocateEvent, LocateRequest, LocateResponse, Ping};
use nuncio_codegen_fixtures::interfaces::{SCHEMAS, r#type};
use nuncio_msgs::builtin_interfaces::msg::Time;
use nuncio_msgs::service_msgs::msg::ServiceEventInfo;
use nuncio_msgs::{Action, Message, Service, schemars};
use serde::Serialize;
use serde_json::{Value, json};

fn round_trip<M: Message>(message: &M) -> Vec<u8> {
    let payload = postcard::to_stdvec(message).unwrap();
    assert_eq!(&postcard::from_bytes::<M>(&payload).unwrap(), message);
    if let Some(greatest) = M::MAX_ENCODED_LEN {
        assert!(payload.len() <= greatest);
    }
    let text = serde_json::to_string(message).unwrap();
    assert_eq!(&serde_json::from_str::<M>(&text).unwrap(), message, "{text}");
    let value = serde_json::to_value(message).unwrap();
    assert_eq!(&serde_json::from_value::<M>(value).unwrap(), message);
    payload
}

#[test]
fn keywords_keep_their_names_outside_of_rust() {
    let message = Keywords {
        self_: "me".to_owned(),
        r#impl: r#type::msg::Impl { r#struct: true },
        ..Keywords::default()
    };
    round_trip(&message);
    let value = serde_json::to_value(&message).unwrap();
    assert_eq!(
        (&value["type"], &value["self"], &value["impl"]["struct"]),
        (&json!(7), &json!("me"), &json!(true))
    );
    let names: Vec<&String> = value.as_object().unwrap().keys().collect();
    let schema = [
        "type", "self", "crate", "super", "async", "match", "fn", "gen", "yield", "union", "impl",
    ];
    assert_eq!(names, schema);
}

#[test]
fn names_of_the_prelude_are_names_as_any_other() {
    fn default_survives<M: Message>() {
        let default = M::default();
        let payload = postcard::to_stdvec(&default).unwrap();
        assert_eq!(postcard::from_bytes::<M>(&payload).unwrap(), default);
        default.check().unwrap();
    }
    use nuncio_codegen_fixtures::interfaces::prelude_names::msg;
    default_survives::<msg::Uses>();
    default_survives::<msg::Option>();
    assert_eq!(
        (msg::Uses::TYPE_NAME, <msg::Uses as Message>::TYPE_NAME),
        (1, "prelude_names/msg/Uses")
    );
    assert_eq!(msg::Uses::default().text, "x");
}

/// What the types of [`Bounds`] would be with serde alone.
#[derive(Serialize)]
struct PlainBounds {
    text: String,
    wide: String,
    text_array: [String; 2],
    text_list: Vec<String>,
    wide_list: Vec<String>,
    octets: Vec<u8>,
    bytes: Vec<u8>,
    chars: [u8; 3],
    numbers: Vec<i64>,
    flags: Vec<bool>,
}

#[test]
fn the_payload_is_what_postcard_makes_of_the_plain_types() {
    let (text, octets) = ("ä€x".to_owned(), vec![0, 127, 128, 255]);
    let message = Bounds {
        text: text.clone(),
        text_list: vec![text.clone()],
        octets: octets.clone(),
        bytes: octets.clone(),
        chars: [1, 2, 200],
        numbers: vec![i64::MIN, -1],
        flags: vec![true, false],
        ..Bounds::default()
    };
    let plain = PlainBounds {
        text: text.clone(),
        wide: String::new(),
        text_array: Default::default(),
        text_list: vec![text],
        wide_list: Vec::new(),
        octets: octets.clone(),
        bytes: octets,
        chars: [1, 2, 200],
        numbers: vec![i64::MIN, -1],
        flags: vec![true, false],
    };
    assert_eq!(round_trip(&message), postcard::to_stdvec(&plain).unwrap());
    assert_eq!(
        serde_json::to_value(&message).unwrap(),
        serde_json::to_value(&plain).unwrap()
    );
}

#[test]
fn octets_in_json_are_numbers_and_nothing_else() {
    let read = |octets: Value| serde_json::from_value::<Bounds>(json!({ "bytes": octets })).map(|read| read.bytes);
    assert_eq!(read(json!([0, 255])).unwrap(), [0, 255]);
    assert!(read(json!("AAEC")).is_err() && read(json!([256])).is_err());
}

#[test]
fn fields_that_json_lacks_have_the_schema_default_and_unknown_ones_are_refused() {
    let sparse: Defaults = serde_json::from_str(r#"{"i8": 5}"#).unwrap();
    assert_eq!(
        sparse,
        Defaults {
            i8: 5,
            ..Defaults::default()
        }
    );
    assert!(serde_json::from_str::<Defaults>(r#"{"no_such_field": 5}"#).is_err());
}

#[test]
fn defaults_are_those_of_the_schema() {
    let default = Defaults::default();
    assert_eq!((default.i64, default.u64, default.f32), (i64::MIN, u64::MAX, 0.1));
    assert_eq!(
        (default.text.as_str(), default.bare.as_str()),
        ("a = \"b\"", "two words")
    );
    assert_eq!((default.numbers, default.flags), ([1, -2, 3], [true, false]));
    assert_eq!(default.texts, ["a, b", "c", "d"]);
    assert!(default.floats[2].is_infinite() && default.plain == 0);
}

#[test]
fn constants_have_the_type_and_the_value_of_the_schema() {
    assert_eq!(
        (Constants::I64, Constants::U64, Constants::F32),
        (i64::MIN, u64::MAX, 0.1_f32)
    );
    const { assert!(Constants::YES && !Constants::NO && Constants::NOT_A_NUMBER.is_nan()) };
    assert_eq!(Constants::TEXT, "  quoted \"text\" \\back ");
    assert_eq!((Constants::PLAIN, Constants::WIDE), ("plain text, ünïcode", "€😀"));
}

#[test]
fn large_arrays_have_no_count_in_the_payload() {
    let mut message = LargeArrays::default();
    message.covariance[35] = 2.5;
    message.texts[32] = "last".to_owned();
    let payload = round_trip(&message);
    assert_eq!(payload[..8 * 35], [0; 8 * 35]);
    assert_eq!(payload[8 * 35..8 * 36], 2.5_f64.to_le_bytes());
    assert_eq!(
        (message.elements[39].text.as_str(), message.with_default[32]),
        ("x", 32)
    );
    for wrong in [json!([1.0]), json!(vec![0.0; 37]), json!(null)] {
        assert!(serde_json::from_value::<LargeArrays>(json!({ "covariance": wrong })).is_err());
    }
}

#[test]
fn nothing_takes_no_bytes_and_a_lie_about_its_number_is_refused() {
    assert!(round_trip(&Nothing {}).is_empty());
    round_trip(&Nothings {
        many: vec![Nothing {}; 1000],
        ..Nothings::default()
    });
    // A count of 2^62 elements that take no bytes, then the count 0 of the other list.
    let payload = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40, 0];
    assert!(postcard::from_bytes::<Nothings>(&payload).is_err());
}

fn good() -> Annotated {
    Annotated::default()
}

fn violation(message: &impl Message) -> String {
    message.check().unwrap_err().to_string()
}

#[test]
fn each_annotation_is_checked_and_the_violation_names_field_value_and_bound() {
    good().check().unwrap();
    assert_eq!(
        violation(&Annotated { speed: 2.0, ..good() }),
        "speed is 2, the schema allows -1.5 to 1.5"
    );
    assert!(
        violation(&Annotated {
            speed: f64::NAN,
            ..good()
        })
        .starts_with("speed is NaN")
    );
    Annotated { share: 0.1, ..good() }.check().unwrap();
    assert_eq!(
        violation(&Annotated { share: 0.11, ..good() }),
        "share is 0.11, the schema allows 0 to 0.1"
    );
    assert_eq!(
        violation(&Annotated { mode: 9, ..good() }),
        "mode is 9, the schema allows MODE_STOP (0), MODE_GO (1)"
    );
    assert!(
        violation(&Annotated {
            state: "x".to_owned(),
            ..good()
        })
        .starts_with("state is x")
    );
    assert!(
        violation(&Annotated {
            axis: [0.0, 1.0, -1.1],
            ..good()
        })
        .starts_with("axis[2] is -1.1")
    );
    assert!(
        violation(&Annotated {
            finite_list: vec![0.0, f64::INFINITY],
            ..good()
        })
        .starts_with("finite_list[1] is inf")
    );
    assert!(
        violation(&Annotated {
            finite_list: vec![0.0; 5],
            ..good()
        })
        .starts_with("finite_list is 5 elements long")
    );
    assert!(
        violation(&Annotated {
            modes: vec![0, 2],
            ..good()
        })
        .starts_with("modes[1] is 2")
    );
    assert!(
        violation(&Annotated {
            wide: i64::MIN,
            ..good()
        })
        .starts_with("wide is")
    );
    Annotated { clipped: 255, ..good() }.check().unwrap();
}

#[test]
fn a_violation_further_down_has_the_whole_path() {
    let bad = Annotated { speed: 9.0, ..good() };
    assert!(
        violation(&Holder {
            one: bad.clone(),
            many: vec![]
        })
        .starts_with("one.speed is 9")
    );
    assert!(
        violation(&Holder {
            one: good(),
            many: vec![good(), bad]
        })
        .starts_with("many[1].speed is 9")
    );
    let leaf = Leaf {
        name: "long".to_owned(),
    };
    let tree = Tree {
        branches: vec![Branch {
            two: [Leaf::default(), leaf],
            ..Branch::default()
        }],
        ..Tree::default()
    };
    assert_eq!(
        violation(&tree),
        "branches[0].two[1].name is 4 bytes long, the schema allows at most 3 bytes"
    );
}

#[test]
fn stamps_are_checked_against_the_time_that_is_handed_in() {
    let second = Time { sec: 1, nanosec: 0 };
    let mut message = Annotated {
        stamp: second.clone(),
        ..good()
    };
    message.header.stamp = second;
    let check = |now| message.check_age(now).map_err(|violation| violation.path);
    assert_eq!(check(1_200_000_000), Ok(()));
    assert_eq!(check(1_200_000_001), Err("stamp".to_owned()));
    assert_eq!(check(799_999_999), Err("stamp".to_owned()));
    let mut fresh = message.clone();
    fresh.stamp.sec = 3;
    assert_eq!(fresh.check_age(3_000_000_000).unwrap_err().path, "header.stamp");
    let holder = Holder {
        one: message.clone(),
        many: vec![message],
    };
    assert_eq!(holder.check_age(9_000_000_000).unwrap_err().path, "one.stamp");
    const { assert!(Annotated::HAS_MAX_AGE && Holder::HAS_MAX_AGE && !Tree::HAS_MAX_AGE) };
    const { assert!(Annotated::EXCLUSIVE && !Holder::EXCLUSIVE) };
}

#[test]
fn the_json_schema_carries_units_limits_and_defaults() {
    let schema = schemars::schema_for!(Annotated);
    let at = |pointer: &str| schema.pointer(&format!("/properties/{pointer}")).cloned();
    for (pointer, expected) in [
        ("speed/x-unit", json!("m/s")),
        ("speed/minimum", json!(-1.5)),
        ("speed/maximum", json!(1.5)),
        ("speed/x-finite", json!(true)),
        ("speed/description", json!("Forward.")),
        ("speed/format", json!("double")),
        ("mode/enum", json!([0, 1])),
        ("mode/x-enum-names", json!(["MODE_STOP", "MODE_GO"])),
        ("mode/maximum", json!(255)),
        ("state/enum", json!(["on", "off"])),
        ("state/default", json!("on")),
        ("axis/items/maximum", json!(1.0)),
        ("axis/minItems", json!(3)),
        ("finite_list/maxItems", json!(4)),
        ("modes/items/enum", json!([0, 1])),
        (
            "clipped",
            json!({"type": "integer", "format": "uint8", "minimum": 0, "maximum": 255}),
        ),
        ("wide/minimum", json!(-9_000_000_000_000_000_000_i64)),
        ("header/x-max-age-ms", json!(1500.0)),
        ("header/$ref", json!("#/$defs/std_msgs~1msg~1Header")),
    ] {
        assert_eq!(at(pointer), Some(expected), "{pointer}");
    }
    assert_eq!(schema.get("title"), Some(&json!("annotations/msg/Annotated")));
    assert_eq!(schema.get("additionalProperties"), Some(&json!(false)));
    assert_eq!(
        schema.pointer("/$defs/std_msgs~1msg~1Header/properties/stamp/$ref"),
        Some(&json!("#/$defs/builtin_interfaces~1msg~1Time"))
    );
    let schema = schemars::schema_for!(LargeArrays);
    assert_eq!(schema.pointer("/properties/covariance/minItems"), Some(&json!(36)));
    let schema = schemars::schema_for!(Bounds);
    assert_eq!(schema.pointer("/properties/text/maxLength"), Some(&json!(5)));
}

#[test]
fn a_field_that_is_unknown_or_comes_twice_is_refused_and_missing_ones_are_not() {
    let wrong = |text: &str| serde_json::from_str::<Annotated>(text).unwrap_err().to_string();
    assert!(wrong(r#"{"sped": 1}"#).starts_with("unknown field `sped`, expected one of `stamp`, `header`, `speed`"));
    assert!(wrong(r#"{"speed": 1, "speed": 2}"#).starts_with("duplicate field `speed`"));
    assert!(wrong(r#"{"speed": "fast"}"#).contains("expected f64"));
    assert!(wrong("[]").starts_with("invalid length 0, expected Annotated with"));
    let message: Annotated = serde_json::from_str(r#"{"mode": 1, "speed": 2.5}"#).unwrap();
    assert_eq!((message.mode, message.speed, message.state.as_str()), (1, 2.5, "on"));
}

#[test]
fn services_and_actions_name_their_parts() {
    fn is<T: Message, U: Message>() -> bool {
        T::TYPE_NAME == U::TYPE_NAME
    }
    assert!(is::<<Locate as Service>::Response, LocateResponse>());
    assert_eq!(<<Ping as Service>::Request as Message>::MAX_ENCODED_LEN, Some(0));
    assert_eq!(<Fetch as Action>::TYPE_NAME, "services/action/Fetch");
    assert_eq!(
        <<Fetch as Action>::SendGoal as Service>::TYPE_NAME,
        "services/action/Fetch_SendGoal"
    );
    round_trip(&LocateResponse {
        found: true,
        places: vec![Point { x: 1.5 }],
    });
}

#[test]
fn events_of_services_have_types_when_the_build_script_asks_for_them() {
    let mut event = LocateEvent {
        request: vec![LocateRequest::default()],
        ..LocateEvent::default()
    };
    event.info.event_type = ServiceEventInfo::REQUEST_RECEIVED;
    round_trip(&event);
    event.request.push(LocateRequest::default());
    assert_eq!(
        violation(&event),
        "request is 2 elements long, the schema allows at most 1 elements"
    );
    let names = [
        LocateEvent::TYPE_NAME,
        FetchSendGoalEvent::TYPE_NAME,
        FetchGetResultEvent::TYPE_NAME,
    ];
    assert_eq!(
        names,
        [
            "services/srv/Locate_Event",
            "services/action/Fetch_SendGoal_Event",
            "services/action/Fetch_GetResult_Event"
        ]
    );
    let definitions: Vec<(&str, &str)> = LocateEvent::DEFINITIONS
        .iter()
        .map(|definition| (definition.type_name, definition.text))
        .collect();
    assert!(
        definitions
            .iter()
            .any(|(name, _)| *name == "service_msgs/msg/ServiceEventInfo")
    );
    let served = nuncio_codegen::describe(names[0], &definitions).unwrap();
    assert_eq!(nuncio_codegen::type_hash(&served), *LocateEvent::TYPE_HASH.as_bytes());
}

#[test]
fn every_type_is_listed() {
    let mut names = Vec::new();
    macro_rules! each { ($($name:path,)*) => { $(names.push(<$name as Message>::TYPE_NAME);)* } }
    nuncio_codegen_fixtures::for_each_message!(each);
    assert!(names.contains(&"nested/msg/Tree") && names.contains(&"services/action/Fetch_GetResult_Response"));
    assert!(
        SCHEMAS
            .iter()
            .any(|schema| schema.type_name == "services/srv/Ping" && schema.text == "---\n")
    );
}

/// Compiles only when every generated type prints itself.
#[test]
fn every_type_prints_itself() {
    fn print<M: Message + Debug>() -> String {
        format!("{:?}", M::default())
    }
    assert_eq!(print::<Nothing>(), "Nothing");
}

#[test]
fn the_json_schema_of_a_description_is_that_of_the_type() {
    fn agree<M: Message>() {
        let definitions: Vec<(&str, &str)> = M::DEFINITIONS.iter().map(|file| (file.type_name, file.text)).collect();
        let description = nuncio_codegen::describe(M::TYPE_NAME, &definitions).unwrap();
        let at_run_time: Value = serde_json::from_str(&nuncio_codegen::json_schema(&description)).unwrap();
        assert_eq!(at_run_time, schemars::schema_for!(M).to_value(), "{}", M::TYPE_NAME);
    }
    macro_rules! each { ($($name:path,)*) => { $(agree::<$name>();)* } }
    nuncio_codegen_fixtures::for_each_message!(each);
}

#[test]
fn an_enumeration_has_names_and_keeps_what_has_none() {
    use nuncio_codegen_fixtures::interfaces::annotations::msg::{Enumerations, EnumerationsKind, EnumerationsTurn};
    let mut message = Enumerations::default();
    assert_eq!(message.turn_enum(), EnumerationsTurn::LEFT);
    message.set_kind_enum(EnumerationsKind::SOLID);
    assert_eq!(
        (message.kind, message.kind_enum().to_string().as_str()),
        (1, "KIND_SOLID")
    );
    assert_eq!(EnumerationsKind::SOLID, EnumerationsKind::DEFAULT);
    let described = |kind: EnumerationsKind| match kind {
        EnumerationsKind::KIND_2D => "flat",
        EnumerationsKind::SOLID => "solid",
        _ => "unknown",
    };
    let unknown = EnumerationsKind::from_raw(77);
    assert_eq!(
        (described(EnumerationsKind::KIND_2D), described(unknown)),
        ("flat", "unknown")
    );
    assert_eq!(
        (unknown.raw(), unknown.name(), unknown.to_string().as_str()),
        (77, None, "77")
    );
    // On the wire and in JSON the field is the integer that it always was.
    message.set_kind_enum(unknown);
    assert_eq!(round_trip(&message), [77, 0xff, 0]);
    assert!(message.check().is_err());
}

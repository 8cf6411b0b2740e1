//! Reading and writing YAML as ROS 2 has it.

use super::*;

fn node() -> NodeName {
    NodeName::parse("/robot_1/driver").unwrap()
}

fn found(text: &str) -> String {
    let values = read(text, &node()).unwrap();
    let values: Vec<_> = values.iter().map(|(name, value)| format!("{name}={value}")).collect();
    values.join(" ")
}

fn refused(text: &str) -> String {
    read(text, &node()).unwrap_err().to_string()
}

#[test]
fn a_file_as_ros_writes_it_is_read() {
    let text = "\
/robot_1/driver:
  ros__parameters:
    a: 1
    use_sim_time: True
    name: 'left arm'
    nested:
      b: [1.0, 2.0]
      deep.er: [x, 'y']
    big: 1.0e+20
    none: [.inf, .nan]
/other:
  ros__parameters:
    a: 2
";
    assert_eq!(
        found(text),
        "a=1 use_sim_time=true name=\"left arm\" nested.b=[1.0, 2.0] nested.deep.er=[\"x\", \"y\"] big=1.0e+20 \
         none=[.inf, .nan]"
    );
}

#[test]
fn wildcards_stand_for_nodes_and_later_entries_win() {
    for name in [
        "/**",
        "/robot_1/*",
        "/*/driver",
        "/**/driver",
        "robot_1/driver",
        "/**/robot_1/**",
    ] {
        assert_eq!(
            found(&format!("{name}:\n  ros__parameters:\n    a: 1\n")),
            "a=1",
            "{name}"
        );
    }
    for name in ["/*", "/driver", "/robot_1", "/robot_1/*/driver", "/robot_1/driver/*"] {
        assert_eq!(found(&format!("{name}:\n  ros__parameters:\n    a: 1\n")), "", "{name}");
    }
    let twice = "/**:\n  ros__parameters:\n    a: 1\nrobot_1:\n  driver:\n    ros__parameters:\n      a: 2\n";
    assert_eq!(found(twice), "a=2");
}

#[test]
fn what_is_no_parameter_file_is_told() {
    insta::assert_snapshot!(refused("/**:\n  a: 1\n"), @r#"no parameters below "/**/a"; write a node's name, `ros__parameters:` below it, and the parameters below that"#);
    insta::assert_snapshot!(refused("/**:\n  ros__parameters:\n    a: [1, 2.0]\n"), @r#"parameter "a": the values of a list must be of one type"#);
    insta::assert_snapshot!(refused("/**:\n  ros__parameters: 3\n"), @r#"parameter "": names with values are expected here"#);
    for text in [
        "a: [",
        "/**:\n  ros__parameters:\n    a: 1\n    a: 2\n",
        "/**:\n  ros__parameters:\n    a: 18446744073709551615\n",
    ] {
        assert!(refused(text).starts_with("not YAML: "), "{}", refused(text));
    }
}

#[test]
fn what_is_written_is_read_again() {
    let list = |text: &[&str]| ParameterValue::StringArray(text.iter().map(|item| (*item).to_owned()).collect());
    let mut values: Vec<(&str, ParameterValue)> = vec![
        ("a", 1.into()),
        ("a.b", true.into()),
        ("arm.gain", 1e20.into()),
        ("arm.joint.names", list(&["yes", "1", "a: b", "\"\\\n\u{e4}"])),
        ("arm.joint.small", 5e-324.into()),
        ("arm.joint_2", f64::NEG_INFINITY.into()),
        ("list", vec![-0.0, 1.5].into()),
        ("on", "null".into()),
        ("plain", i64::MIN.into()),
    ];
    let text = write(&node(), values.iter().map(|(name, value)| (*name, value)));
    insta::assert_snapshot!(text, @r#"
    /robot_1/driver:
      ros__parameters:
        a: 1
        a.b: true
        arm:
          gain: 1.0e+20
          joint:
            names: ["yes", "1", "a: b", "\"\\\nä"]
            small: 5.0e-324
          joint_2: -.inf
        list: [-0.0, 1.5]
        "on": "null"
        plain: -9223372036854775808
    "#);
    let mut read = read(&text, &node()).unwrap();
    read.sort_by(|a, b| a.0.cmp(&b.0));
    values.sort_by(|a, b| a.0.cmp(b.0));
    let values: Vec<_> = values
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    assert_eq!(read, values);
    let none = write(&node(), std::iter::empty());
    assert_eq!(super::read(&none, &node()).unwrap(), []);
}

#[test]
fn what_yaml_cannot_tell_takes_the_type_that_is_declared() {
    use crate::parameter::ParameterType;
    let empty = ParameterValue::StringArray(Vec::new());
    assert_eq!(
        empty.clone().fitted(ParameterType::DoubleArray),
        Vec::<f64>::new().into()
    );
    assert_eq!(empty.clone().fitted(ParameterType::Double), empty);
    let octets = ParameterValue::from(vec![0i64, 255]);
    assert_eq!(octets.fitted(ParameterType::ByteArray), vec![0u8, 255].into());
    let wide = ParameterValue::from(vec![256i64]);
    assert_eq!(wide.clone().fitted(ParameterType::ByteArray), wide);
}

#[test]
fn one_value_is_read_by_itself() {
    let read = |text| ParameterValue::from_yaml(text).unwrap();
    assert_eq!(read("1.5"), ParameterValue::Double(1.5));
    assert_eq!(read("[1, 2]"), ParameterValue::IntegerArray(vec![1, 2]));
    assert_eq!(read("left arm"), ParameterValue::String("left arm".to_owned()));
    assert_eq!(read(""), ParameterValue::NotSet);
    for (text, problem) in [
        ("[1, two]", "must be of one type"),
        ("{a: 1}", "a value is expected"),
        ("[1", "not YAML"),
    ] {
        let error = ParameterValue::from_yaml(text).unwrap_err().to_string();
        assert!(error.contains(problem), "{text}: {error}");
    }
}

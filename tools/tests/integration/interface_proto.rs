//! `interface proto`: what it prints is a message.

use crate::program::User;

const KENNEL: [(&str, &str); 3] = [
    (
        "own/kennel_msgs/msg/Dog.msg",
        "uint8 MOOD_CALM=3\nuint8 MOOD_WILD=4\nuint8 mood  # @enum MOOD_\nfloat64 mass  # @range [0.5, 80]\n\
         int8[2] steps  # @range [-9.5, -1.5]\nstring<=9 name 'a: \"b'\nfloat32[<=3] marks [1.0, 2.5]\nwstring tag\nbyte[] raw\n\
         std_msgs/Header header  # @max_age 200ms\n",
    ),
    (
        "own/kennel_msgs/srv/Call.srv",
        "Dog[2] dogs\nstring word \"come\"\n---\nbool came true\n",
    ),
    (
        "own/kennel_msgs/action/Walk.action",
        "Dog dog\n---\nfloat32 metres\n---\nfloat32 left 7\n",
    ),
];

#[test]
fn what_is_printed_is_a_message_in_both_forms() {
    let user = User::new();
    user.write(&KENNEL);
    let own = user.path("own");
    let names = [
        ("kennel_msgs/Dog", "kennel_msgs/msg/Dog"),
        ("kennel_msgs/Call", "kennel_msgs/srv/Call_Request"),
        ("kennel_msgs/srv/Call_Response", "kennel_msgs/srv/Call_Response"),
        ("kennel_msgs/action/Walk", "kennel_msgs/action/Walk_Goal"),
        ("kennel_msgs/action/Walk_Feedback", "kennel_msgs/action/Walk_Feedback"),
        ("std_msgs/Empty", "std_msgs/msg/Empty"),
        ("nuncio_msgs/MotionCommand", "nuncio_msgs/msg/MotionCommand"),
    ];
    for (asked, message) in names {
        let proto = |further: &[&str]| {
            let ended = user.run(&[&["interface", "proto", asked, "--path", &own], further].concat());
            assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
            ended.stdout
        };
        let (yaml, json) = (proto(&[]), proto(&["--json"]));
        for (form, text) in [("yaml", &yaml), ("json", &json)] {
            let args = [
                "interface",
                "transcode",
                message,
                "--from",
                form,
                "--to",
                "json",
                "--path",
                &own,
            ];
            let ended = user.start_with_stdin(&args, text).end();
            assert_eq!((ended.code, &ended.stdout), (Some(0), &json), "{text}\n{ended:?}");
        }
    }
}

#[test]
fn defaults_are_the_schemas_and_zeros_are_brought_within_limits() {
    let user = User::new();
    user.write(&KENNEL);
    let ended = user.run(&["interface", "proto", "kennel_msgs/Dog", "--path", &user.path("own")]);
    insta::assert_snapshot!(ended.stdout, @r#"
    mood: 3
    mass: 0.5
    steps: [-2, -2]
    name: "a: \"b"
    marks: [1.0, 2.5]
    tag: ""
    raw: []
    header:
      stamp:
        sec: 0
        nanosec: 0
      frame_id: ""
    "#);
    let ended = user.run(&["interface", "proto", "std_srvs/Nothing"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
}

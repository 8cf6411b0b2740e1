//! `interface transcode`: every form into every other, and what is refused. No network, no keystore.

use std::fs;

use crate::program::{Ended, User};

fn transcode(args: &[&str], input: &str) -> Ended {
    let args = [&["interface", "transcode"], args].concat();
    User::new().start_with_stdin(&args, input).end()
}

fn transcoded(args: &[&str], input: &str) -> String {
    let ended = transcode(args, input);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.stdout
}

const TIME_JSON: &str = "{\"stamp\":{\"sec\":-1,\"nanosec\":2},\"frame_id\":\"base: #1\"}\n";
const TIME_CDR: &str = "00010000ffffffff0200000009000000626173653a20233100\n";

#[test]
fn every_form_becomes_every_other() {
    let forms = ["json", "yaml", "postcard", "cdr"];
    let of = |from, to, input: &str| transcoded(&["std_msgs/Header", "--from", from, "--to", to], input);
    let texts = forms.map(|form| of("json", form, TIME_JSON));
    assert_eq!((texts[0].as_str(), texts[3].as_str()), (TIME_JSON, TIME_CDR));
    assert_eq!(texts[2], "010208626173653a202331\n");
    for (from, input) in forms.iter().zip(&texts) {
        for (to, output) in forms.iter().zip(&texts) {
            assert_eq!(of(from, to, input), *output, "{from} to {to}");
        }
    }
}

#[test]
fn cdr_of_either_byte_order_is_read() {
    let args = ["builtin_interfaces/msg/Time", "--from", "cdr", "--to", "json"];
    let json = transcoded(&args, "00 00 00 00\n00 00 00 01 00 00 00 02");
    assert_eq!(json, "{\"sec\":1,\"nanosec\":2}\n");
}

#[test]
fn bytes_may_be_raw() {
    let args = ["std_msgs/String", "--from", "postcard", "--to", "json", "--raw"];
    assert_eq!(transcoded(&args, "\u{2}hi"), "{\"data\":\"hi\"}\n");
    let args = ["std_msgs/String", "--from", "json", "--to", "postcard", "--raw"];
    // No line end follows: what reads the bytes would take it for one of them.
    assert_eq!(transcoded(&args, "{\"data\":\"hi\\n\"}"), "\u{3}hi\n");
}

#[test]
fn requests_of_services_are_types_too() {
    let args = ["std_srvs/srv/SetBool_Request", "--from", "json", "--to", "cdr"];
    assert_eq!(transcoded(&args, "{\"data\":true}"), "0001000001\n");
}

#[test]
fn types_of_a_folder_are_known() {
    let folder = tempfile::tempdir().unwrap();
    let package = folder.path().join("own_msgs/msg");
    fs::create_dir_all(&package).unwrap();
    fs::write(package.join("Level.msg"), "uint8 a\nfloat64 level  # @range [0, 1]\n").unwrap();
    let path = folder.path().to_str().unwrap();
    let args = |from, to| ["own_msgs/Level", "--from", from, "--to", to, "--path", path];
    let cdr = transcoded(&args("yaml", "cdr"), "{a: 1, level: 0.5}");
    assert_eq!(cdr, "000100000100000000000000000000000000e03f\n");
    assert_eq!(transcoded(&args("cdr", "json"), &cdr), "{\"a\":1,\"level\":0.5}\n");
    // What breaks a limit is shown when others sent it, and not made.
    let ended = transcode(&args("cdr", "json"), "00010000 0100000000000000 0000000000000040");
    assert_eq!(ended.stdout, "{\"a\":1,\"level\":2.0}\n");
    assert!(ended.stderr.contains("level is 2"), "{ended:?}");
    assert_eq!(transcode(&args("json", "cdr"), "{\"level\":2}").code, Some(2));
}

#[test]
fn what_is_no_message_is_exit_2_with_its_place() {
    let args = ["builtin_interfaces/Time", "--from", "cdr", "--to", "json"];
    for (input, words) in [
        ("00010000 0100", "at byte 4, sec"),
        ("0001000g", "at byte 7"),
        ("000", "one digit after 1 bytes"),
        ("", "the header of CDR"),
    ] {
        let ended = transcode(&args, input);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
        assert!(ended.stderr.contains(words), "{ended:?}");
    }
}

#[test]
fn an_unknown_type_is_exit_1() {
    for name in ["std_msgs/Strin", "std_srvs/srv/SetBool"] {
        let ended = User::new().run(&["interface", "transcode", name, "--from", "json", "--to", "cdr"]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
    }
}

//! `trust test`: the contract for scripts.

use serde_json::json;

use crate::program::User;

#[test]
fn a_table_is_checked_row_by_row() {
    let user = User::new();
    assert_eq!(user.run(&["trust", "init"]).code, Some(0));
    let stranger = nuncio::Identity::from_seed(&[3; 32]).public_key().to_string();
    let table =
        format!("key,action,topic,expected\nme,publish,/x,permit\n{stranger},call,/x,NotPermitted\nowner,serve,y,no\n");
    user.write(&[
        (
            "right.csv",
            table.split_inclusive('\n').take(3).collect::<String>().as_str(),
        ),
        ("wrong.csv", &table),
    ]);
    let right = user.run(&["trust", "test", &user.path("right.csv"), "--json"]);
    assert_eq!(right.code, Some(0), "{right:?}");
    let lines = right.json();
    let me = json!({"row": 1, "key": "me", "action": "publish", "topic": "/x", "expected": "permit", "found": "permit",
        "reason": null, "ok": true});
    assert_eq!(lines[0], me);
    assert_eq!(
        (&lines[1]["found"], &lines[1]["reason"]),
        (&"refuse".into(), &"NotPermitted".into())
    );
    assert_eq!(lines[2], json!({"rows": 2, "failed": 0, "ok": true}));

    let wrong = user.run(&["trust", "test", &user.path("wrong.csv"), "--json"]);
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    let lines = wrong.json();
    assert_eq!((&lines[2]["ok"], &lines[2]["found"]), (&false.into(), &"permit".into()));
    assert_eq!(lines[3], json!({"rows": 3, "failed": 1, "ok": false}));
    let people = user.run(&["trust", "test", &user.path("wrong.csv")]);
    insta::assert_snapshot!(people.stdout, @"
    ok      me publish /x: permit
    ok      did:key:z6MkvRXNYcE7MMduynWTgeKbDaT1iijDSC8pZqXZc8rHPrf2 call /x: refuse: NotPermitted
    FAILED  line 4: owner serve y: expected no, found permit
    1 of 3 rows not as expected
    ");
}

#[test]
fn rows_of_json_and_from_stdin_and_for_another_instant() {
    let user = User::new();
    assert_eq!(user.run(&["trust", "init"]).code, Some(0));
    let key = nuncio::Identity::from_seed(&[3; 32]).public_key().to_string();
    let add = [
        "trust",
        "add",
        &key,
        "--name",
        "guest",
        "--role",
        "everything",
        "--until",
        "2100-01-01",
    ];
    assert_eq!(user.run(&add).code, Some(0));
    let rows = "{\"key\":\"guest\",\"action\":\"publish\",\"topic\":\"/x\",\"expected\":\"certexpired\"}\n";
    let ended = user
        .start_with_stdin(&["trust", "test", "-", "--at", "2100-01-01"], rows)
        .end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let ended = user.start_with_stdin(&["trust", "test", "-"], rows).end();
    assert_eq!(ended.code, Some(2), "{ended:?}");
}

#[test]
fn a_key_under_which_anybody_could_sign_is_refused_and_no_error() {
    let user = User::new();
    assert_eq!(user.run(&["trust", "init"]).code, Some(0));
    let weak = nuncio::PublicKey::from_bytes([0; 32]);
    let rows = format!("{weak} publish /x WeakKey\n{weak} publish /x refuse\n");
    let ended = user.start_with_stdin(&["trust", "test", "-"], &rows).end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn what_the_table_is_asked_of_is_told_where_it_is_not_what_one_expects() {
    let user = User::new();
    let ask = |user: &User, more: &[&str]| {
        let args = [&["trust", "test", "-"], more].concat();
        user.start_with_stdin(&args, "me publish /x permit\n").end().stderr
    };
    assert!(ask(&user, &[]).contains("there is no trust.toml"));
    assert_eq!(
        user.run(&["trust", "init", "--domain", "lab", "--mode", "tofu"]).code,
        Some(0)
    );
    let said = ask(&user, &[]);
    for text in ["trust.toml is for domain lab", "mode tofu asks for no role"] {
        assert!(said.contains(text), "{said}");
    }
    assert_eq!(ask(&user, &["--domain", "lab", "--trust-mode", "enforce"]), "");
}

#[test]
fn what_is_no_table_fails() {
    let user = User::new();
    for (table, said) in [
        ("", "has no rows"),
        ("# nothing\n", "has no rows"),
        ("me publish\n", "expected 4 columns"),
        ("x y z w\n", "an action is"),
    ] {
        let ended = user.start_with_stdin(&["trust", "test", "-"], table).end();
        let all = format!("{}{}", ended.stdout, ended.stderr);
        assert!(ended.code == Some(2) && all.contains(said), "{table:?}: {all}");
    }
    let gone = user.run(&["trust", "test", "/nowhere/table"]);
    assert!(
        gone.code == Some(2) && gone.stderr.starts_with("error: cannot read /nowhere/table: "),
        "{gone:?}"
    );
}

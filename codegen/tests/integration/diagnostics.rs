//! What is said about schemas that are wrong, word for word.

use nuncio_codegen::model::TypeName;
use nuncio_codegen::{SourceFile, Target, compile, emit};

/// What the compiler says about `text` as `test_msgs/msg/Wrong.msg`, beside a few messages that are right.
fn report(text: &str) -> String {
    report_files(&[("test_msgs/msg/Wrong", text.as_bytes())])
}

fn report_files(files: &[(&str, &[u8])]) -> String {
    let right: [(&str, &[u8]); 5] = [
        ("test_msgs/msg/Vector3", b"float64 x"),
        ("geometry_msgs/msg/Twist", b"float64 x"),
        ("std_msgs/msg/Header", b"string frame_id"),
        ("builtin_interfaces/msg/Time", b"int32 sec\nuint32 nanosec"),
        ("unique_identifier_msgs/msg/UUID", b"uint8[16] uuid"),
    ];
    let sources: Vec<SourceFile> = files
        .iter()
        .chain(&right)
        .map(|(name, text)| {
            let type_name = TypeName::parse(name).unwrap();
            SourceFile::new(format!("{name}.{}", type_name.kind), type_name, *text)
        })
        .collect();
    let target = Target {
        crate_path: "::nuncio_msgs".to_owned(),
        module: String::new(),
        upstream: [].into(),
        off: [].into(),
        service_events: false,
    };
    match compile(&sources).and_then(|interfaces| emit(&interfaces, &target)) {
        Ok(_) => panic!("nothing is wrong with {files:?}"),
        Err(problems) => problems.to_string(),
    }
}

#[test]
fn names() {
    insta::assert_snapshot!(report(
        "bool linearVelocity\nbool a__b\nbool ends_\nbool 1st\nbool x-y\nbool\nuint8 lower=1\nuint8 A__B=1\nuint8 Mixed=1\n"
    ));
}

#[test]
fn duplicates() {
    insta::assert_snapshot!(report(
        "bool twice\nint8 ONE=1\n\nstring twice\nint8 ONE=1\nbool twice\n"
    ));
}

#[test]
fn types() {
    insta::assert_snapshot!(report(
        "Vectr3 a\ngeometry_msgs/Twst b\nTwist c\nHeader d\ngeomtry_msgs/Twist e\nno_such_msgs/Thing f\n\
         geometry_msgs/msg/Twist g\ntime h\ndouble i\nflaot64 j\na/b/c/d k\ntest_msgs/Nothing_like_it l\nint8<=3 m\n"
    ));
}

#[test]
fn bounds() {
    insta::assert_snapshot!(report(
        "string<=0 a\nstring<=x b\nstring<= c\nint8[0] d\nint8[-1] e\nint8[<=4294967296] f\nint8[99999999999999999999] g\n\
         int8[3][2] h\nint8[3 i\nint8] j\nint8[<= 3] k\nint8[<3] l\n"
    ));
}

#[test]
fn defaults() {
    insta::assert_snapshot!(report(
        "int8 a 128\nuint8 b -1\nint8 c 1.5\nbool d maybe\nfloat32 e 1e39\nfloat64 f x\nstring<=3 g \"long\"\n\
         string h \"open\nint8[2] i [1]\nint8[<=2] j [1, 2, 3]\nint8[] k 1\nVector3 l 1\nint8[] m [1,]\nstring n \"a\"b\"\n"
    ));
}

#[test]
fn texts_in_quotes() {
    insta::assert_snapshot!(report(
        "string a 'open\nstring b 'it's'\nwstring<=2 c \"long\"\nstring<=2[] d [\"a\", 'long']\nstring[] e [\"a, b]\n"
    ));
}

#[test]
fn constants() {
    insta::assert_snapshot!(report(
        "uint8 A=256\nint8[] B=[1]\nstring<=3 C=\"x\"\nVector3 D=1\nbool E=\nuint64 F=18446744073709551616\nchar G='a'\n"
    ));
}

#[test]
fn annotations() {
    insta::assert_snapshot!(report(
        "uint8 MODE_A=0\nstring MODE_TEXT=x\nstring a # @range [0, 1]\nfloat64 b # @range [1, 0]\nint8 c # @range [0.1, 0.9]\n\
         uint8 d # @enum NO_\nuint8 e # @enum MODE_\nint8 f # @finite\nVector3 g # @max_age 1s\n\
         builtin_interfaces/Time[2] h # @max_age 1s\nfloat64 i # @rnage [0, 1]\nfloat64 j # @range 0..1\n\
         float64 k # @exclusive\nfloat64 l # @unit m @unit s\nfloat64 m 2.0 # @range [0, 1]\nfloat64 n inf # @finite\n\
         bool o # @range [0, 1]\nuint8 P=1 # @range [0, 1]\n# @unit m\n\nbool q\n"
    ));
}

#[test]
fn annotations_without_their_argument() {
    insta::assert_snapshot!(report(
        "float64 a # @range [0, nan]\nfloat64 b # @unit\nint8 c # @enum\nbuiltin_interfaces/Time d # @max_age 5\n\
         builtin_interfaces/Time e # @max_age 0ms\nfloat64 f # @enum MODE_\nstring MODE_NAME=x\nuint8 MODE_A=1\n\
         string g # @enum MODE_\nfloat64 h # @finite @finite\nstd_msgs/Header i # @max_age 1s @max_age 2s\n\
         int8 j # @unit s @exclusive\n"
    ));
}

#[test]
fn a_file_with_too_many_fields() {
    let lines = |line: &dyn Fn(usize) -> String| (0..4098).map(line).collect::<String>();
    insta::assert_snapshot!(report(&lines(&|n| format!("bool f{n}\n"))));
    insta::assert_snapshot!(report_idl("", &lines(&|n| format!("boolean f{n};\n"))));
}

#[test]
fn more_problems_than_anybody_reads_are_counted() {
    let text = report(&"?\n".repeat(1000));
    assert!(
        text.ends_with("help: write `float64 speed`, for example\n\nand 900 more problems\n"),
        "{text}"
    );
}

#[test]
fn a_package_that_nearly_exists() {
    insta::assert_snapshot!(report("geometry_mgs/Wrench a\n"));
}

#[test]
fn a_field_annotation_in_the_comment_of_the_message() {
    insta::assert_snapshot!(report("# The speed. @unit m/s\nfloat64 speed\n"));
}

#[test]
fn a_default_outside_of_its_enumeration() {
    insta::assert_snapshot!(report("uint8 MODE_A=1\nuint8 mode 2 # @enum MODE_\n"));
}

#[test]
fn circles() {
    insta::assert_snapshot!(report_files(&[
        ("test_msgs/msg/A", b"bool x\nB[] many\n"),
        ("test_msgs/msg/B", b"C c\n"),
        ("test_msgs/msg/C", b"Vector3 fine\ntest_msgs/A back\n"),
        ("test_msgs/msg/Self", b"Self again\n"),
    ]));
}

#[test]
fn separators() {
    insta::assert_snapshot!(report_files(&[
        ("test_msgs/msg/A", b"bool x\n---\nbool y\n"),
        ("test_msgs/srv/B", b"bool x\n---\n---\n"),
        ("test_msgs/srv/C", b"bool x\n"),
        ("test_msgs/action/D", b"---\n"),
        ("test_msgs/action/E", b"---\n---\n---\n"),
    ]));
}

#[test]
fn files_that_are_no_text() {
    insta::assert_snapshot!(report_files(&[
        ("test_msgs/msg/A", b"bool x\nbool \xff\n"),
        ("test_msgs/msg/B", b"bool x\n\nbool \0y\n"),
        ("test_msgs/msg/C", &vec![b'#'; nuncio_codegen::MAX_FILE_LEN + 1]),
    ]));
}

#[test]
fn a_type_that_is_defined_twice() {
    insta::assert_snapshot!(report_files(&[
        ("test_msgs/msg/A", b"bool x\n"),
        ("test_msgs/msg/A", b"bool y\n")
    ]));
}

#[test]
fn names_that_become_equal_in_rust() {
    insta::assert_snapshot!(report_files(&[
        ("test_msgs/srv/Find", b"---\n"),
        ("test_msgs/srv/FindRequest", b"---\n"),
    ]));
}

#[test]
fn an_enumeration_named_as_a_message() {
    insta::assert_snapshot!(report_files(&[
        ("test_msgs/msg/Move", b"uint8 MODE_A=0\nuint8 mode # @enum MODE_\n"),
        ("test_msgs/msg/MoveMode", b"bool x\n"),
    ]));
}

#[test]
fn arrays_too_large_for_the_stack() {
    insta::assert_snapshot!(report("float64[65536] a\nuint8 b\n"));
}

#[test]
fn problems_of_several_files_come_in_the_order_of_files_and_lines() {
    insta::assert_snapshot!(report_files(&[
        ("test_msgs/msg/Z", b"bool x y z\nBad b\n"),
        ("test_msgs/msg/A", b"Vectr3 late\nbool UPPER\n"),
    ]));
}

/// What the compiler says about `members` of `test_msgs/msg/Wrong.idl`, which stand in lines of their own.
fn report_idl(before: &str, members: &str) -> String {
    let text = format!("module test_msgs {{\nmodule msg {{\n{before}struct Wrong {{\n{members}}};\n}};\n}};\n");
    idl_files(&[("test_msgs/msg/Wrong", &text)])
}

fn idl_files(files: &[(&str, &str)]) -> String {
    let sources: Vec<SourceFile> = files
        .iter()
        .map(|(name, text)| SourceFile::new(format!("{name}.idl"), TypeName::parse(name).unwrap(), *text))
        .collect();
    compile(&sources).expect_err("something is wrong").to_string()
}

#[test]
fn idl_types() {
    insta::assert_snapshot!(report_idl(
        "typedef sequence<double> List;\ntypedef double Triple[3];\ntypedef float Triple[3];\n",
        "wchar a;\nlong double b;\nmap<string, long> c;\nbool d;\nfloat64 e;\nsequence<sequence<double>> f;\n\
         sequence<List> g;\nList h[2];\ndouble i[2][2];\nUnknown j;\ntest_msgs::srv::Other k;\nlower l;\na::b::c::d::E m;\n\
         unsigned int n;\nsequence<double o;\nstring<0> p;\nstring<-1> q;\ndouble r[4294967296];\nstring<\"x\"> s;\n\
         double t[NO];\ndouble u[1 - 1];\nsequence double v;\ndouble w[2;\n"
    ));
}

#[test]
fn idl_members() {
    insta::assert_snapshot!(report_idl(
        "",
        "double linearVelocity;\ndouble twice;\nlong twice;\ndouble;\ndouble a\nlong b;\ndouble c, ;\n;\n3 d;\n\
         @default (value=256) uint8 e;\n@default (value=\"x\") double f;\n@default (value=1) string g;\n\
         @default (value=\"(1, 2, 3)\") sequence<long, 2> h;\n@default (value=1) sequence<long> i;\n@default double j;\n\
         @range (min=1) double k;\n@unit (value=1) double l;\n@verbatim (text=\"x\") double m;\n\
         @range (min=1, max=0) double n;\n@key (x double o;\n@verbatim (language=\"comment\", text=\"@rnage x\") double p;\n"
    ));
}

#[test]
fn idl_constants() {
    insta::assert_snapshot!(report_idl(
        "module Wrong_Constants {\nconst uint8 A = 256;\nconst boolean B = 2;\nconst string C = 1;\nconst Other D = 1;\n\
         const sequence<long> E = 1;\nconst long lower = 1;\nconst long F = G;\nconst long H = 08;\nconst float I = 1e39;\n\
         const char J = 'ab';\nconst string<2> K = \"abc\";\nconst long M;\nconst long N = 1\n};\n",
        ""
    ));
}

#[test]
fn idl_arithmetic() {
    insta::assert_snapshot!(report_idl(
        "module Wrong_Constants {\nconst long A = 1 / 0;\nconst long B = 7 % (2 - 2);\nconst double C = 1.5 / 0;\n\
         const long D = 1 << 64;\nconst long E = 1 << -1;\nconst long F = 1 >> 99;\nconst uint64 G = 1 << 63 << 1;\n\
         const int64 H = 9223372036854775807 * 3;\nconst int64 I = -(18446744073709551615);\nconst double J = 1e308 * 10;\n\
         const long K = 1.5 | 2;\nconst long L = ~0.5;\nconst long M = 1 + TRUE;\nconst long N = 2 * TEXT;\n\
         const string TEXT = \"x\";\nconst long O = 2 * TEXT;\nconst long P = (1 + 2;\nconst long Q = 1 + ;\nconst long R = - -1;\n\
         const long S = 1 2;\nconst long T = 5 / 2.0;\nconst uint8 U = 200 + 100;\nconst uint8 V = ~256;\nconst long W = 08 + 1;\n\
         const long X = 99999999999999999999 - 1;\nconst string Y = 1 + 1;\nconst boolean Z = 1 + 1;\n};\n",
        "sequence<long, 1 >> 1> a;\nstring<4 - 4> b;\ndouble c[2 - 3];\n@default (value=2 * 200) uint8 d;\n\
         @range (min=1 / 0, max=2) double e;\n"
    ));
}

#[test]
fn idl_names_that_are_missing() {
    insta::assert_snapshot!(report_idl(
        "module { };\nmodule x ;\nstruct { };\nstruct Wrong ;\nconst long = 1;\ntypedef long;\ntypedef long A\nB;\n\
         const long C = a::;\nconst long D = \"\\q\";\n",
        ""
    ));
    insta::assert_snapshot!(report_idl(
        "module x { }\nconst long E = #2\n;\n@ ;\n@a:: ;\n@range [1] long H;\nconst std_msgs:: I = 1;\n",
        "double a\n#end\n;\n"
    ));
    insta::assert_snapshot!(idl_files(&[(
        "test_msgs/msg/A",
        "module test_msgs { module msg { struct A { long"
    )]));
}

#[test]
fn idl_words_that_ros_does_not_have() {
    let definitions = ["bitset", "exception", "native", "abstract", "local", "import"];
    let types = ["fixed", "any", "Object", "byte", "float32", "int", "uint", "union"];
    insta::assert_snapshot!(report_idl(
        &definitions.map(|word| format!("{word} A;\n")).concat(),
        &types.map(|word| format!("{word} {};\n", word.to_lowercase())).concat()
    ));
}

#[test]
fn idl_definitions_that_ros_does_not_have() {
    insta::assert_snapshot!(report_idl(
        "enum Colour { RED, GREEN };\nunion U switch (long) { case 1: long x; };\nbitmask B { A };\nvaluetype V { };\n\
         interface I { void f(); };\nstruct Other { long x; };\nstruct Wrong : Base { };\ntypedef enum E { A } E;\n\
         #define X 1\n= 5;\n",
        "enum X { A } x;\nstruct Y { long z; } y;\n"
    ));
}

#[test]
fn idl_files_as_a_whole() {
    insta::assert_snapshot!(idl_files(&[
        (
            "test_msgs/msg/A",
            "module other_msgs { module srv { struct A { long x; }; }; };"
        ),
        (
            "test_msgs/msg/B",
            "module test_msgs { module msg { struct B { long x; };\n"
        ),
        (
            "test_msgs/srv/C",
            "module test_msgs { module srv { struct C_Request { long x; }; struct C_Request { }; }; };"
        ),
        ("test_msgs/msg/D", "module test_msgs { /* no end"),
        (
            "test_msgs/msg/E",
            "module test_msgs { module msg { struct E { long x; \"open\n }; }; };"
        ),
        (
            "test_msgs/msg/F",
            "}; module test_msgs { module msg { struct F { long x; } }; }; }"
        ),
        ("test_msgs/msg/G", "float64 x\n"),
        ("test_msgs/msg/H", ""),
        (
            "test_msgs/msg/I",
            "module test_msgs { module msg { struct I { ? long x; }; }; };"
        ),
    ]));
}

//! Type hashes against those of ROS 2's own generator.

use nuncio_codegen::model::TypeName;
use nuncio_codegen::{Interfaces, SourceFile, compile, type_hash, type_hash_text};
use serde_json::Value;

const AWKWARD_TYPES: &str = include_str!("../fixtures/rihs01_custom.json");

fn awkward_interfaces(vectors: &Value) -> Interfaces {
    let sources: Vec<SourceFile> = vectors["definitions"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(path, text)| {
            let name = path.split_once('.').unwrap().0;
            let name = TypeName::parse(&format!("rihs_test_msgs/{name}")).unwrap();
            SourceFile::new(path, name, text.as_str().unwrap())
        })
        .collect();
    compile(&sources).unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn awkward_types_have_the_hashes_that_ros_computes() {
    let vectors: Value = serde_json::from_str(AWKWARD_TYPES).unwrap();
    let interfaces = awkward_interfaces(&vectors);
    let types = vectors["types"].as_object().unwrap();
    assert_eq!(types.len(), 7);
    for (name, expected) in types {
        let description = interfaces.describe(&TypeName::parse(name).unwrap()).unwrap();
        assert_eq!(
            type_hash_text(&type_hash(&description)),
            expected["hash"].as_str().unwrap(),
            "{name}"
        );
    }
}

#[test]
fn comments_constants_and_defaults_do_not_change_a_hash() {
    let hash = |text: &str| {
        let name = TypeName::parse("a/A").unwrap();
        let interfaces = compile(&[SourceFile::new("A.msg", name.clone(), text)]).unwrap();
        type_hash(&interfaces.describe(&name).unwrap())
    };
    let plain = hash("float64 x\nuint8[] y\n");
    assert_eq!(
        hash("# Text\nuint8 C=1\nfloat64 x 1.5 # @range [0, 2] @unit m\nuint8[] y [1, 2]\n"),
        plain
    );
    assert_ne!(hash("float64 x\nuint8[<=9] y\n"), plain);
}

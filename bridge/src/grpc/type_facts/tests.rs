//! What is told of a type is one and the same in text and compiled.

use prost_reflect::DescriptorPool;
use protox::file::{File, FileResolver};

use super::*;
use crate::type_library::TypeLibrary;

struct Texts(Vec<wire::ProtoFile>);

impl FileResolver for Texts {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        match self.0.iter().find(|file| file.path == name) {
            Some(file) => File::from_source(&file.path, &file.text),
            None => Err(protox::Error::file_not_found(name)),
        }
    }
}

#[test]
fn the_text_compiles_to_what_is_told_compiled() {
    let library = TypeLibrary::open(&[]).expect("the shipped types");
    let names = [
        "geometry_msgs/msg/Twist",
        "sensor_msgs/msg/PointCloud2",
        "visualization_msgs/msg/MarkerArray",
        "rcl_interfaces/msg/ParameterEvent",
        "nuncio_msgs/msg/MotionCommand",
        "std_msgs/msg/Empty",
    ];
    for name in names {
        let facts = message_facts(&library.message(name).expect(name));
        let told = FileDescriptorSet::decode(facts.file_descriptor_set.as_ref()).expect(name);
        let last = facts.proto_files.last().expect("its own file").path.clone();
        let mut compiler = protox::Compiler::with_file_resolver(Texts(facts.proto_files));
        compiler.include_imports(true).open_file(&last).expect(name);
        let mut compiled = compiler.file_descriptor_set();
        let mut told_sorted = told.clone();
        for set in [&mut compiled, &mut told_sorted] {
            set.file.sort_by(|a, b| a.name.cmp(&b.name));
        }
        assert_eq!(told_sorted, compiled, "{name}");
        let pool = DescriptorPool::from_file_descriptor_set(told).expect(name);
        assert!(pool.get_message_by_name(&facts.proto_message).is_some(), "{name}");
    }
}

#[test]
fn names_are_read_in_both_forms() {
    assert_eq!(full_name("std_msgs/String", "msg"), "std_msgs/msg/String");
    assert_eq!(full_name("std_msgs/msg/String", "msg"), "std_msgs/msg/String");
    assert_eq!(slashed("odom"), "/odom");
}

//! The compiler's doors for programs: schema files or served definitions in, everything known about their types out.

use std::collections::{BTreeMap, BTreeSet};

use crate::definition::join_definitions;
use crate::diagnostic::{Diagnostics, Problems};
use crate::model::{Action, InterfaceKind, Message, Service, TypeDescription, TypeName};
use crate::msg_text::msg_text;
use crate::parse::{Annotations, is_idl, parse};
use crate::resolve::{Model, resolve};
use crate::source::SourceFile;

/// How many definitions [`describe`] takes.
pub const MAX_DEFINITIONS: usize = 1024;

/// How many bytes the definitions that [`describe`] takes may have together.
pub const MAX_DEFINITIONS_LEN: usize = 4 * 1024 * 1024;

/// How many lines those definitions may have together: what bounds the memory that their fields take.
const MAX_DEFINITION_LINES: usize = 128 * 1024;

/// What a set of schema files defines.
#[derive(Debug, Default)]
pub struct Interfaces {
    model: Model,
    /// Where in `model.messages` each message is.
    messages: BTreeMap<TypeName, usize>,
    /// Services and actions, as the structures that their hashes are made of.
    structures: BTreeMap<TypeName, Message>,
    /// The path and the text of each file.
    files: BTreeMap<TypeName, (String, String)>,
}

/// Compiles schema files: parses them, resolves every name, and checks every rule.
///
/// # Errors
///
/// All problems of all files at once, each with file, line and column.
pub fn compile(sources: &[SourceFile]) -> Result<Interfaces, Diagnostics> {
    run(sources, Annotations::Strict)
}

/// Compiles the definitions that somebody serves for one type.
///
/// `type_name` is the type wanted, such as `geometry_msgs/msg/Twist`; a type derived from a service or action, such
/// as `std_srvs/srv/SetBool_Request`, is found in its file's definition. Names may have the short form
/// `geometry_msgs/Twist`. Annotations that cannot be understood are ignored: the text may be older or younger than
/// this program.
///
/// Time and memory are bounded by the size of the text, which is bounded by [`MAX_DEFINITIONS_LEN`].
///
/// # Errors
///
/// Everything that is wrong with the names and the texts, also when there is too much of them.
pub fn describe(type_name: &str, definitions: &[(&str, &str)]) -> Result<TypeDescription, Diagnostics> {
    let refuse = |message: String, help: &str| Err(Diagnostics::about(type_name, message, help));
    let root = match TypeName::parse(type_name) {
        Ok(root) => root,
        Err(error) => return refuse(error.to_string(), "name the type in full"),
    };
    if definitions.len() > MAX_DEFINITIONS {
        let message = format!(
            "{} definitions come with the type, at most {MAX_DEFINITIONS} are read",
            definitions.len()
        );
        return refuse(message, "serve only what the type refers to");
    }
    let length: usize = definitions.iter().map(|(_, text)| text.len()).sum();
    let lines: usize = definitions
        .iter()
        .map(|(_, text)| text.matches(['\n', '\r']).count() + 1)
        .sum();
    if length > MAX_DEFINITIONS_LEN || lines > MAX_DEFINITION_LINES {
        let message = format!("the definitions have {length} bytes in {lines} lines");
        return refuse(message, "at most 4 MiB and 131072 lines are read");
    }
    let mut sources = Vec::with_capacity(definitions.len());
    for (name, text) in definitions {
        match TypeName::parse(name) {
            Ok(name) => sources.push(SourceFile::new(name.to_string(), name, *text)),
            Err(error) => return refuse(error.to_string(), "each definition has the full name of its type"),
        }
    }
    match run(&sources, Annotations::Lenient)?.describe(&root) {
        Some(description) => Ok(description),
        None => refuse(
            format!("none of the {} definitions defines `{root}`", definitions.len()),
            "serve the definition of the type itself, too",
        ),
    }
}

fn run(sources: &[SourceFile], annotations: Annotations) -> Result<Interfaces, Diagnostics> {
    let mut problems = Problems::new(sources);
    let mut files = Vec::with_capacity(sources.len());
    for (file, source) in sources.iter().enumerate() {
        files.extend(parse(file, source, annotations, &mut problems));
    }
    let model = resolve(files, sources, annotations, &mut problems);
    problems.into_result(())?;
    let text = |source: &SourceFile| source.text().unwrap_or_default().to_owned();
    let files = sources
        .iter()
        .map(|source| (source.type_name.clone(), (source.path.clone(), text(source))))
        .collect();
    Ok(Interfaces::new(model, files))
}

impl Interfaces {
    fn new(model: Model, files: BTreeMap<TypeName, (String, String)>) -> Self {
        let index = model
            .messages
            .iter()
            .enumerate()
            .map(|(index, message)| (message.type_name.clone(), index));
        let services = model
            .services
            .iter()
            .chain(model.actions.iter().flat_map(|a| [&a.send_goal, &a.get_result]));
        let structures = services
            .map(Service::structure)
            .chain(model.actions.iter().map(Action::structure));
        Self {
            messages: index.collect(),
            structures: structures
                .map(|structure| (structure.type_name.clone(), structure))
                .collect(),
            files,
            model,
        }
    }

    /// All messages, each after those that it refers to; derived ones such as `SetBool_Request` included.
    pub fn messages(&self) -> &[Message] {
        &self.model.messages
    }

    /// The services of `.srv` files, by name.
    pub fn services(&self) -> &[Service] {
        &self.model.services
    }

    /// The actions of `.action` files, by name.
    pub fn actions(&self) -> &[Action] {
        &self.model.actions
    }

    /// The types that files define, by name, with the text of the file.
    pub fn files(&self) -> impl Iterator<Item = (&TypeName, &str)> {
        self.files.iter().map(|(name, (_, text))| (name, text.as_str()))
    }

    /// Every type that has a type hash, in order: what files define, and what is derived from it.
    pub fn names(&self) -> BTreeSet<&TypeName> {
        self.messages.keys().chain(self.structures.keys()).collect()
    }

    /// The path of the file that defines a type, or that it is derived from.
    pub(crate) fn path(&self, name: &TypeName) -> Option<&str> {
        self.files.get(&name.file_type()).map(|(path, _)| path.as_str())
    }

    /// The path and the text of the file that defines a type, or that it is derived from.
    pub(crate) fn file(&self, name: &TypeName) -> Option<(&str, &str)> {
        let (path, text) = self.files.get(&name.file_type())?;
        Some((path, text))
    }

    /// The message with this name.
    pub fn message(&self, name: &TypeName) -> Option<&Message> {
        self.model.messages.get(*self.messages.get(name)?)
    }

    /// The description of a message, a service or an action, with all that it refers to.
    pub fn describe(&self, name: &TypeName) -> Option<TypeDescription> {
        let root = self.structure(name)?;
        let mut referenced = self.closure(vec![root])?;
        referenced.remove(&root.type_name);
        Some(TypeDescription {
            root: root.clone(),
            referenced: referenced.into_values().cloned().collect(),
        })
    }

    /// Everything that these messages refer to, directly or not.
    fn closure<'a>(&'a self, mut open: Vec<&'a Message>) -> Option<BTreeMap<&'a TypeName, &'a Message>> {
        let mut referenced: BTreeMap<&TypeName, &Message> = BTreeMap::new();
        while let Some(message) = open.pop() {
            for name in message.references() {
                if !referenced.contains_key(name) {
                    let message = self.structure(name)?;
                    referenced.insert(name, message);
                    open.push(message);
                }
            }
        }
        Some(referenced)
    }

    /// The files that define a type: its own first, then those of all types that it refers to, by name.
    pub fn definitions(&self, name: &TypeName) -> Option<Vec<(&TypeName, &str)>> {
        let own = self.files.get_key_value(&name.file_type())?;
        // What an event refers to is in no other message of its file.
        let roots = self.messages_of_file(own.0).into_iter().chain(self.message(name));
        let files: BTreeSet<TypeName> = self
            .closure(roots.collect())?
            .into_keys()
            .map(TypeName::file_type)
            .filter(|file| file != own.0)
            .collect();
        let referenced = files.iter().filter_map(|file| self.files.get_key_value(file));
        Some(
            std::iter::once(own)
                .chain(referenced)
                .map(|(name, (_, text))| (name, text.as_str()))
                .collect(),
        )
    }

    /// The messages that a file defines, without the events that ROS 2 derives for introspection.
    fn messages_of_file(&self, file: &TypeName) -> Vec<&Message> {
        let of_service = |service: &Service| [service.request.type_name.clone(), service.response.type_name.clone()];
        let names = match file.kind {
            InterfaceKind::Msg => vec![file.clone()],
            InterfaceKind::Srv => self
                .services()
                .iter()
                .filter(|service| service.type_name == *file)
                .flat_map(of_service)
                .collect(),
            InterfaceKind::Action => {
                let action = self.actions().iter().find(|action| action.type_name == *file);
                let parts = action.into_iter().flat_map(Action::messages);
                parts
                    .map(|part| part.type_name.clone())
                    .filter(|name| !name.name.ends_with("_Event"))
                    .collect()
            }
        };
        names.iter().filter_map(|name| self.message(name)).collect()
    }

    /// The text of a message and of all that it refers to, as recordings carry it (`ros2msg`).
    pub fn definition_text(&self, name: &TypeName) -> Option<String> {
        let definitions = self.definitions(name)?;
        let texts: Vec<(&TypeName, String)> = definitions
            .into_iter()
            .map(|(name, text)| (name, self.text_as_msg(name, text)))
            .collect();
        let ((_, root), referenced) = texts.split_first()?;
        let messages = referenced
            .iter()
            .filter(|(name, _)| name.kind == InterfaceKind::Msg)
            .map(|(name, text)| (*name, text.as_str()));
        Some(join_definitions(root, messages))
    }

    /// The text of a file, or what it would be in the language of `.msg` files when it is IDL.
    fn text_as_msg(&self, name: &TypeName, text: &str) -> String {
        if !is_idl(text) {
            return text.to_owned();
        }
        let parts = self.messages_of_file(name).into_iter();
        let texts: Vec<String> = match name.kind {
            InterfaceKind::Msg | InterfaceKind::Srv => parts.map(msg_text).collect(),
            // Goal, result and feedback come first; what follows is derived from them.
            InterfaceKind::Action => parts.take(3).map(msg_text).collect(),
        };
        texts.join("---\n")
    }

    fn structure(&self, name: &TypeName) -> Option<&Message> {
        self.message(name).or_else(|| self.structures.get(name))
    }
}

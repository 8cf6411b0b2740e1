//! The messages that ROS 2 derives from services and actions, and the types that they need.

use super::{
    Action, Count, Element, Field, FieldType, InterfaceKind, Limits, Message, Primitive, Service, TypeDescription,
    TypeName,
};

impl Message {
    /// A message without comments, constants and defaults.
    pub(crate) fn derived(type_name: TypeName, comment: impl Into<String>, fields: Vec<Field>) -> Self {
        Self {
            type_name,
            comment: comment.into(),
            exclusive: false,
            fields,
            constants: Vec::new(),
        }
    }

    /// The messages that its fields are made of, in field order, a name as often as it occurs.
    pub fn references(&self) -> impl Iterator<Item = &TypeName> {
        self.fields
            .iter()
            .filter_map(|field| field.field_type.element.message())
    }
}

impl Element {
    /// The name of the message, when it is one.
    pub const fn message(&self) -> Option<&TypeName> {
        match self {
            Self::Message(name) => Some(name),
            Self::Primitive(_) | Self::Text { .. } => None,
        }
    }
}

impl Service {
    /// The service with its derived event.
    pub(crate) fn derive(type_name: TypeName, comment: String, request: Message, response: Message) -> Self {
        let at_most_one = Count::Sequence { bound: Some(1) };
        let event = Message::derived(
            type_name.derived("Event"),
            format!("One step of a call of `{type_name}`, for introspection."),
            vec![
                field("info", service_event_info(), Count::One),
                field("request", request.type_name.clone(), at_most_one),
                field("response", response.type_name.clone(), at_most_one),
            ],
        );
        Self {
            type_name,
            comment,
            request,
            response,
            event,
        }
    }

    /// The structure that stands for the service in a type hash.
    pub fn structure(&self) -> Message {
        let part = |name, message: &Message| field(name, message.type_name.clone(), Count::One);
        Message::derived(
            self.type_name.clone(),
            self.comment.clone(),
            vec![
                part("request_message", &self.request),
                part("response_message", &self.response),
                part("event_message", &self.event),
            ],
        )
    }

    /// The messages that it is made of.
    pub fn messages(&self) -> [&Message; 3] {
        [&self.request, &self.response, &self.event]
    }
}

impl Action {
    /// The action with its derived services and feedback message.
    pub(crate) fn derive(type_name: TypeName, comment: String, [goal, result, feedback]: [Message; 3]) -> Self {
        let one = |name, type_name: &TypeName| field(name, type_name.clone(), Count::One);
        let service = |suffix: &str, comment: String, request: Vec<Field>, response: Vec<Field>| {
            let name = type_name.derived(suffix);
            let request = Message::derived(name.derived("Request"), format!("Request of `{name}`."), request);
            let response = Message::derived(name.derived("Response"), format!("Response of `{name}`."), response);
            Service::derive(name, comment, request, response)
        };
        let send_goal = service(
            "SendGoal",
            format!("Asks a server of `{type_name}` to pursue a goal."),
            vec![one("goal_id", &uuid()), one("goal", &goal.type_name)],
            vec![primitive("accepted", Primitive::Bool), one("stamp", &time())],
        );
        let get_result = service(
            "GetResult",
            format!("Waits for the result of a goal of `{type_name}`."),
            vec![one("goal_id", &uuid())],
            vec![primitive("status", Primitive::Int8), one("result", &result.type_name)],
        );
        let feedback_message = Message::derived(
            type_name.derived("FeedbackMessage"),
            format!("Feedback of `{type_name}` about one goal."),
            vec![one("goal_id", &uuid()), one("feedback", &feedback.type_name)],
        );
        Self {
            type_name,
            comment,
            goal,
            result,
            feedback,
            send_goal,
            get_result,
            feedback_message,
        }
    }

    /// The structure that stands for the action in its own type hash.
    pub fn structure(&self) -> Message {
        let part = |name, type_name: &TypeName| field(name, type_name.clone(), Count::One);
        Message::derived(
            self.type_name.clone(),
            self.comment.clone(),
            vec![
                part("goal", &self.goal.type_name),
                part("result", &self.result.type_name),
                part("feedback", &self.feedback.type_name),
                part("send_goal_service", &self.send_goal.type_name),
                part("get_result_service", &self.get_result.type_name),
                part("feedback_message", &self.feedback_message.type_name),
            ],
        )
    }

    /// The messages that it is made of, those of its services included, each after what it refers to.
    pub fn messages(&self) -> impl Iterator<Item = &Message> {
        [&self.goal, &self.result, &self.feedback]
            .into_iter()
            .chain(self.send_goal.messages())
            .chain(self.get_result.messages())
            .chain([&self.feedback_message])
    }
}

impl TypeDescription {
    /// All its messages: the root first, then the others by name.
    pub fn messages(&self) -> impl Iterator<Item = &Message> {
        std::iter::once(&self.root).chain(&self.referenced)
    }
}

/// The types that derived messages refer to, for compilations that do not have their packages. Each comes after
/// what it refers to.
pub(crate) fn implicit_messages() -> [Message; 3] {
    let octets = FieldType {
        element: Element::Primitive(Primitive::Uint8),
        count: Count::Array(16),
    };
    [
        Message::derived(
            time(),
            "A point in time.",
            vec![
                primitive("sec", Primitive::Int32),
                primitive("nanosec", Primitive::Uint32),
            ],
        ),
        Message::derived(
            service_event_info(),
            "Which step of a service call this is.",
            vec![
                primitive("event_type", Primitive::Uint8),
                field("stamp", time(), Count::One),
                plain("client_gid", octets.clone()),
                primitive("sequence_number", Primitive::Int64),
            ],
        ),
        Message::derived(uuid(), "A universally unique identifier.", vec![plain("uuid", octets)]),
    ]
}

/// `builtin_interfaces/msg/Time`
pub(crate) fn time() -> TypeName {
    message_name("builtin_interfaces", "Time")
}

/// `std_msgs/msg/Header`
pub(crate) fn header() -> TypeName {
    message_name("std_msgs", "Header")
}

fn uuid() -> TypeName {
    message_name("unique_identifier_msgs", "UUID")
}

fn service_event_info() -> TypeName {
    message_name("service_msgs", "ServiceEventInfo")
}

fn message_name(package: &str, name: &str) -> TypeName {
    TypeName {
        package: package.to_owned(),
        kind: InterfaceKind::Msg,
        name: name.to_owned(),
    }
}

fn field(name: &str, type_name: TypeName, count: Count) -> Field {
    plain(
        name,
        FieldType {
            element: Element::Message(type_name),
            count,
        },
    )
}

fn primitive(name: &str, primitive: Primitive) -> Field {
    plain(
        name,
        FieldType {
            element: Element::Primitive(primitive),
            count: Count::One,
        },
    )
}

fn plain(name: &str, field_type: FieldType) -> Field {
    Field {
        name: name.to_owned(),
        field_type,
        default: None,
        comment: String::new(),
        unit: None,
        limits: Limits::default(),
    }
}

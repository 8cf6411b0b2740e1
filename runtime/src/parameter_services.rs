//! The six services with which ROS 2 reaches the parameters of a node.

use std::collections::HashSet;
use std::sync::Arc;

use nuncio_msgs::nuncio_msgs::msg::ServiceFault;
use nuncio_msgs::rcl_interfaces::msg::{
    ListParametersResult, Parameter, ParameterDescriptor, ParameterType, ParameterValue as ValueMessage,
    SetParametersResult,
};
use nuncio_msgs::rcl_interfaces::srv::{
    DescribeParameters, DescribeParametersResponse, GetParameterTypes, GetParameterTypesResponse, GetParameters,
    GetParametersResponse, ListParameters, ListParametersResponse, SetParameters, SetParametersAtomically,
    SetParametersAtomicallyResponse, SetParametersResponse,
};
use nuncio_msgs::service::Service;

use crate::attendant;
use crate::node::Node;
use crate::parameter::{ParameterInfo, ParameterValue};
use crate::parameter_desk::ParameterDesk;
use crate::parameter_table::ParameterTable;
use crate::service_error::ServiceError;
use crate::service_server::{Attended, Serving};

/// Serves the parameters until what is returned is dropped. One thread answers for all six services.
pub(crate) fn serve(node: &Node, desk: &Arc<ParameterDesk>) -> Result<Vec<Serving>, ServiceError> {
    let servers = vec![
        one::<GetParameters>(node, desk, "get_parameters", |desk, request| {
            let values = each(desk, &request.names, |table, name| {
                table
                    .get(name)
                    .map_or_else(ValueMessage::default, ParameterValue::to_message)
            });
            Ok(GetParametersResponse { values: values? })
        })?,
        one::<GetParameterTypes>(node, desk, "get_parameter_types", |desk, request| {
            let types = each(desk, &request.names, |table, name| {
                let value = table.get(name);
                value.map_or(ParameterType::PARAMETER_NOT_SET, |value| value.value_type() as u8)
            });
            Ok(GetParameterTypesResponse { types: types? })
        })?,
        one::<DescribeParameters>(node, desk, "describe_parameters", |desk, request| {
            let descriptors = each(desk, &request.names, |table, name| {
                let unknown = || ParameterDescriptor {
                    name: name.to_owned(),
                    ..ParameterDescriptor::default()
                };
                table
                    .describe(name)
                    .as_ref()
                    .map_or_else(unknown, ParameterInfo::to_message)
            });
            Ok(DescribeParametersResponse {
                descriptors: descriptors?,
            })
        })?,
        one::<ListParameters>(node, desk, "list_parameters", |desk, request| {
            let found = desk.table().list(&request.prefixes, request.depth);
            let (names, prefixes) = (found.names, found.prefixes);
            Ok(ListParametersResponse {
                result: ListParametersResult { names, prefixes },
            })
        })?,
        one::<SetParameters>(node, desk, "set_parameters", |desk, request| {
            let results = request
                .parameters
                .into_iter()
                .map(|parameter| set(desk, vec![parameter]));
            Ok(SetParametersResponse {
                results: results.collect(),
            })
        })?,
        one::<SetParametersAtomically>(node, desk, "set_parameters_atomically", |desk, request| {
            let result = set(desk, request.parameters);
            Ok(SetParametersAtomicallyResponse { result })
        })?,
    ];
    attendant::attend(format!("nuncio{}", node.name()), servers)
}

fn one<S: Service>(
    node: &Node,
    desk: &Arc<ParameterDesk>,
    name: &str,
    answer: impl Fn(&ParameterDesk, S::Request) -> Result<S::Response, ServiceFault> + Send + 'static,
) -> Result<Attended, ServiceError> {
    let desk = Arc::clone(desk);
    let server = node.service_server::<S>(&format!("~/{name}"))?;
    Ok(server.attended(move |request, _| answer(&desk, request)))
}

/// One answer for each name, all of the same moment. A name that stands twice is a fault: a short request could otherwise ask
/// for a long value as often as it likes.
fn each<T>(
    desk: &ParameterDesk,
    names: &[String],
    answer: impl Fn(&ParameterTable, &str) -> T,
) -> Result<Vec<T>, ServiceFault> {
    let mut seen = HashSet::new();
    if let Some(name) = names.iter().find(|name| !seen.insert(*name)) {
        return Err(ServiceFault {
            code: ServiceFault::CODE_INVALID_REQUEST,
            text: format!("parameter {name} stands twice in the request; name each once"),
        });
    }
    let table = desk.table();
    Ok(names.iter().map(|name| answer(&table, name)).collect())
}

fn set(desk: &ParameterDesk, parameters: Vec<Parameter>) -> SetParametersResult {
    let changes = parameters.into_iter().map(|Parameter { name, value }| {
        let value = ParameterValue::from_message(value);
        value
            .map_err(|error| format!("parameter {name}: {error}"))
            .map(|value| (name, value))
    });
    let set = changes
        .collect::<Result<_, _>>()
        .and_then(|changes| desk.set(changes).map_err(|error| error.to_string()));
    SetParametersResult {
        successful: set.is_ok(),
        reason: set.err().unwrap_or_default(),
    }
}

//! Faults that are put in the way of the next calls of an endpoint.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::api::fits;
use super::apis;
use super::fault::Fault;

/// The faults that wait for their calls, in the order in which they were asked for.
#[derive(Debug, Default)]
pub struct Faults(VecDeque<Waiting>);

#[derive(Debug)]
struct Waiting {
    path: String,
    times: u32,
    fault: Fault,
}

impl Faults {
    /// Stores a fault. A path of a known API, even with values in it, is stored as the documentation writes it, because `next` is called
    /// with that form.
    pub fn add(&mut self, path: &str, times: u32, fault: Fault) {
        let path = apis::at(path).map_or(path, |api| api.path).to_owned();
        self.0.push_back(Waiting { path, times, fault });
    }

    /// Returns the fault for a call that arrives now, and uses up one of its `times`.
    pub fn next(&mut self, path: &str) -> Option<Fault> {
        let position = self.0.iter().position(|waiting| fits(&waiting.path, path))?;
        let waiting = &mut self.0[position];
        let fault = waiting.fault.clone();
        waiting.times = waiting.times.saturating_sub(1);
        if waiting.times == 0 {
            self.0.remove(position);
        }
        Some(fault)
    }

    pub fn state(&self) -> Value {
        let entry = |waiting: &Waiting| {
            json!({
                "endpoint": waiting.path,
                "times": waiting.times,
                "fault": waiting.fault,
            })
        };
        self.0.iter().map(entry).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_of_an_endpoint_queue_up_and_leave_the_others_alone() {
        let mut faults = Faults::default();
        faults.add("/topapi/v2/user/getuserinfo", 2, Fault::Busy);
        faults.add("/topapi/v2/user/getuserinfo", 1, Fault::Permission);
        assert_eq!(faults.next("/gettoken"), None);
        let calls = [(); 4].map(|()| faults.next("/topapi/v2/user/getuserinfo"));
        let expected = [Some(Fault::Busy), Some(Fault::Busy), Some(Fault::Permission), None];
        assert_eq!(calls, expected);
    }
}

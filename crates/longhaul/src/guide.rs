//! The guide, for authors of orchestrations and for those who operate them.
//!
//! Every example in it is run by the tests. Chapters 1 to 11 are for authors, 12 and 13 for operators, and 14 is about
//! the test kit in which most of the examples run.
//!
//! 1. [A first orchestrator, and an activity](first)
//! 2. [What replay demands](replay)
//! 3. [Failures, retries and time-outs](failures)
//! 4. [Fan-out, fan-in and races](fan_out)
//! 5. [Timers and external events](timers_and_events)
//! 6. [Sub-orchestrations](sub_orchestrations)
//! 7. [Continuing as new, and the custom status](continue_as_new)
//! 8. [Long activities](long_activities)
//! 9. [Durable HTTP](http)
//! 10. [Versions](versions)
//! 11. [Entities](entities)
//! 12. [Operating](operating)
//! 13. [Limits and costs](limits)
//! 14. [Tests](testing)

pub mod continue_as_new;
pub mod entities;
pub mod failures;
pub mod fan_out;
pub mod first;
pub mod http;
pub mod limits;
pub mod long_activities;
pub mod operating;
pub mod replay;
pub mod sub_orchestrations;
pub mod testing;
pub mod timers_and_events;
pub mod versions;

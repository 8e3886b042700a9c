//! The simulated DingTalk as its callers meet it: through a socket.

mod browser_login;
mod caller;
mod control;
mod crowd;
mod faults;
mod grants;
mod hosts;
mod kinds;
mod limits;
mod made_up;
mod people;
mod program;
mod signed;
mod stream;
mod upgrades;

//! The pages of `src/app` as they come. A fork deletes this folder with them.

mod faces;
mod home;
mod hostile;
mod jsapi;
mod languages;
mod profile;
mod surface;

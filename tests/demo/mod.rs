//! The pages of `src/app` as they come, and the recipes beside them. A fork deletes this folder with the pages.

mod faces;
mod home;
mod hostile;
mod jsapi;
mod languages;
mod profile;
mod recipes;
mod surface;

//! Every header of every answer.

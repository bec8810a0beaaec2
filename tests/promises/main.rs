//! What the product promises, tried against the real server. One promise a file, named as a sentence.

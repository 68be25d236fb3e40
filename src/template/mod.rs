//! Templates: minijinja with strict undefined; values quoted by their lexical place.

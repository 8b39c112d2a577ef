"""The parser in JavaScript, for browsers and Node; `js` holds its modules."""

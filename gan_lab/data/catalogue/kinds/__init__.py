"""One module per kind of goods, and what they share: turned, cut and boxed shapes."""

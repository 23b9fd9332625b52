"""Charts: a table and a Vega-Lite specification that shows it."""

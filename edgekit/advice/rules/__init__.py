"""The rules, one small function each; `edgekit.advice.rules.table` lists them all."""

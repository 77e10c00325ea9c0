"""From a source's catalog to an area: what `tidemark init` writes.

`catalog` reads the source. What follows knows no server: `words` says what names hint at,
`entities` finds keys and watermarks, `star` dimensions and facts, `text` writes files, `remarks`
says what a person has to know.
"""

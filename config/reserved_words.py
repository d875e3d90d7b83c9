"""Words that are no column's name, since each query would have to quote them.

https://docs.aws.amazon.com/athena/latest/ug/reserved-words.html
"""

from __future__ import annotations

from typing import Final

_OF_HIVE = """
all alter and array as authorization between bigint binary boolean both by case cashe cast char
column comment conf constraint create cross cube current current_date current_timestamp cursor
database date dayofweek decimal delete describe distinct div double drop else end exchange exists
extended external extract false fetch float floor following for foreign from full function grant
group grouping having if import in inner insert int integer intersect interval into is join lateral
left less like local macro map more none not null numeric of on only or order out outer over
partialscan partition percent preceding precision preserve primary procedure range reads reduce
references regexp revoke right rlike rollback rollup row rows select set smallint start table
tablesample then time timestamp to transform trigger true truncate unbounded union uniquejoin update
user using utc_timestamp values varchar views when where window with
"""
_OF_TRINO = """
current_catalog current_path current_schema current_time current_user deallocate escape except
execute first json_array json_exists json_object json_query json_table json_value last listagg
localtime localtimestamp natural normalize prepare recursive skip trim uescape unnest
"""
RESERVED_WORDS: Final = frozenset((_OF_HIVE + _OF_TRINO).split())

"""Google's messages for single scalars, in the words of Confluent's library, which the registry is given for them."""

from __future__ import annotations

from typing import Final

__all__ = ["WRAPPERS_TEXT"]

_SCALARS: Final = ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes")
WRAPPERS_TEXT: Final = """\
syntax = "proto3";
package google.protobuf;

option java_package = "com.google.protobuf";
option java_outer_classname = "WrappersProto";
option java_multiple_files = true;
option go_package = "google.golang.org/protobuf/types/known/wrapperspb";
option cc_enable_arenas = true;
option objc_class_prefix = "GPB";
option csharp_namespace = "Google.Protobuf.WellKnownTypes";

""" + "".join(f'message {name}Value {{\n  {name.lower()} value = 1 [json_name = "value"];\n}}\n' for name in _SCALARS)

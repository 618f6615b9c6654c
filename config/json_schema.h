// The schema table as others read it: a JSON Schema for editors and the tables of the
// documentation. For tests and tools; a running tandem-lb has no use for it.
#pragma once

#include "config/schema.h"

#include <string>
#include <vector>

namespace tandem::config {

/// The text of etc/tandem.schema.json (draft-07, which editors know best). Strings that hold "${"
/// pass wherever a string may stand: what they become is not known there.
[[nodiscard]] std::string json_schema();

/// The Markdown rows of a section's keys: "| `key` | type | default | meaning |".
[[nodiscard]] std::vector<std::string> documentation_rows(const Section& section);

/// "Not supported yet, and refused: …"; empty if every key of the section is supported.
[[nodiscard]] std::string documentation_of_later(const Section& section);

/// The row of each balance policy: "| `name` | meaning |".
[[nodiscard]] std::vector<std::string> documentation_of_policies();

}  // namespace tandem::config

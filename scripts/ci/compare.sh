#!/bin/sh
# Compares two evaluations of the same examples and refuses the second when it breaks the policy.
# Needs no TensorFlow: both are run folders or report.json files.
#
#   compare.sh BEFORE AFTER [POLICY]
#
# Writes report.json, report.html and gates.xml (JUnit) to $REPORTS (default: reports), and on GitHub the
# job's summary and annotations. Exit code 10: a gate was not met; the reports are complete all the same.
set -eu
usage='usage: compare.sh BEFORE AFTER [POLICY]'
before=${1:?$usage}
after=${2:?$usage}
policy=${3:-$(dirname "$0")/gates.toml}
reports=${REPORTS:-reports}

exec npx tfjs-lora compare "$before" "$after" --policy "$policy" \
  --report "$reports/report.json" --report "$reports/report.html" --report "$reports/gates.xml"

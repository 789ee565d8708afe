#!/bin/sh
# Compares two evaluations of the same examples and fails if the second does not meet the policy.
#
#   compare.sh BEFORE AFTER [POLICY]
#
# BEFORE and AFTER are run folders or report.json files. Needs no TensorFlow.
# Writes report.json, report.html and gates.xml (JUnit) to $REPORTS (default: reports); on GitHub also the job
# summary and annotations. Exits with code 10 if a gate was not met, after writing the reports.
set -eu
usage='usage: compare.sh BEFORE AFTER [POLICY]'
before=${1:?$usage}
after=${2:?$usage}
policy=${3:-$(dirname "$0")/gates.toml}
reports=${REPORTS:-reports}

exec npx tfjs-lora compare "$before" "$after" --policy "$policy" \
  --report "$reports/report.json" --report "$reports/report.html" --report "$reports/gates.xml"

{{/* What a schema cannot say, all of it at once. */}}
{{- define "dolibarr-backup.validate" -}}
{{- $problems := list }}
{{- $environment := .Values.environment }}
{{- if not $environment }}
{{- $problems = append $problems "environment is missing: prod, sandbox, ..." }}
{{- else if ne (last (splitList "/" (include "dolibarr-backup.prefix" .))) $environment }}
{{- $problems = append $problems (printf "prefix %q does not end with the environment %q: backups of two environments must never mix" .Values.prefix $environment) }}
{{- end }}
{{- if not .Values.store.bucket }}
{{- $problems = append $problems "store.bucket is missing" }}
{{- end }}
{{- if not .Values.database.host }}
{{- $problems = append $problems "database.host is missing" }}
{{- end }}
{{- if not .Values.database.name }}
{{- $problems = append $problems "database.name is missing" }}
{{- end }}
{{- if not .Values.documents.existingClaim }}
{{- $problems = append $problems "documents.existingClaim is missing: the claim of Dolibarr's documents" }}
{{- end }}
{{- range $place := list "store" "database" }}
{{- $ca := (index $.Values $place).ca }}
{{- if and $ca.configMap $ca.secret }}
{{- $problems = append $problems (printf "%s.ca names a configMap and a secret; give one" $place) }}
{{- end }}
{{- end }}
{{- if not .Values.store.existingSecret }}
{{- $path := .Values.backup.vaultS3Path }}
{{- if or (hasPrefix (printf "%s/" .Values.vault.mount) $path) (hasPrefix "data/" $path) }}
{{- $problems = append $problems (printf "backup.vaultS3Path %q must be the path below the mount, without %q and \"data\"" $path .Values.vault.mount) }}
{{- end }}
{{- end }}
{{- if $problems }}
{{- fail (printf "\n\ndolibarr-backup cannot be rendered with backup.enabled:\n  - %s\n" (join "\n  - " $problems)) }}
{{- end }}
{{- end }}

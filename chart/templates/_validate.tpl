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
{{- range $place := list "store" "database" "notify" }}
{{- $ca := (index $.Values $place).ca }}
{{- if and $ca.configMap $ca.secret }}
{{- $problems = append $problems (printf "%s.ca names a configMap and a secret; give one" $place) }}
{{- end }}
{{- end }}
{{- $paths := dict "notify.vaultPath" .Values.notify.vaultPath }}
{{- if not .Values.store.existingSecret }}
{{- $_ := set $paths "backup.vaultS3Path" .Values.backup.vaultS3Path }}
{{- end }}
{{- range $name, $path := $paths }}
{{- if or (hasPrefix (printf "%s/" $.Values.vault.mount) $path) (hasPrefix "data/" $path) }}
{{- $problems = append $problems (printf "%s %q must be the path below the mount, without %q and \"data\"" $name $path $.Values.vault.mount) }}
{{- end }}
{{- end }}
{{- with .Values.notify }}
{{- $keys := include "dolibarr-backup.notifyFiles" $ | fromYamlArray }}
{{- if and .existingSecret .vaultPath }}
{{- $problems = append $problems "notify has an existingSecret and a vaultPath; give one" }}
{{- else if and $keys (not .existingSecret) (not .vaultPath) }}
{{- $problems = append $problems "notify.secretKeys names keys of no Secret: give notify.existingSecret or notify.vaultPath" }}
{{- else if and (not $keys) (or .existingSecret .vaultPath) }}
{{- $problems = append $problems "notify.secretKeys is empty: nothing of the Secret would be used" }}
{{- end }}
{{- if and .secretKeys.webhookAuthorization (not .secretKeys.webhookUrl) }}
{{- $problems = append $problems "notify.secretKeys.webhookUrl is missing: whom is the authorization for?" }}
{{- end }}
{{- if and .secretKeys.mailPassword (not ((($.Values.settings).notify).mail)) }}
{{- $problems = append $problems "settings.notify.mail is missing: server, from, to" }}
{{- end }}
{{- end }}
{{- if and .Values.pushgatewayPasswordSecret.name (not ((.Values.settings).metrics).pushgateway) }}
{{- $problems = append $problems "settings.metrics.pushgateway is missing: where is the password for?" }}
{{- end }}
{{- if $problems }}
{{- fail (printf "\n\ndolibarr-backup cannot be rendered with backup.enabled:\n  - %s\n" (join "\n  - " $problems)) }}
{{- end }}
{{- end }}

{{- define "dolibarr-backup.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* At most 40 characters: a CronJob's name may have 52, "-drill" and the like included. */}}
{{- define "dolibarr-backup.fullname" -}}
{{- $name := include "dolibarr-backup.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "dolibarr-backup.selectorLabels" -}}
app.kubernetes.io/name: {{ include "dolibarr-backup.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{/* Own labels come last: nobody takes a pod out of its NetworkPolicy by a label. */}}
{{- define "dolibarr-backup.labels" -}}
{{- $own := include "dolibarr-backup.selectorLabels" . | fromYaml }}
{{- $_ := set $own "app.kubernetes.io/version" .Chart.AppVersion }}
{{- $_ := set $own "app.kubernetes.io/managed-by" .Release.Service }}
{{- $_ := set $own "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_") }}
{{- $_ := set $own "dolibarr-backup/environment" .Values.environment }}
{{- toYaml (mergeOverwrite (deepCopy .Values.labels) $own) }}
{{- end }}

{{- define "dolibarr-backup.metadata" -}}
{{- $ := .root -}}
name: {{ .name | quote }}
namespace: {{ $.Release.Namespace | quote }}
labels:
  {{- $own := include "dolibarr-backup.labels" $ | fromYaml }}
  {{- toYaml (mergeOverwrite (deepCopy (.labels | default dict)) $own) | nindent 2 }}
{{- with mergeOverwrite (deepCopy $.Values.annotations) (.annotations | default dict) }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "dolibarr-backup.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- .Values.serviceAccount.name | default (include "dolibarr-backup.fullname" .) }}
{{- else }}
{{- .Values.serviceAccount.name | default "default" }}
{{- end }}
{{- end }}

{{- define "dolibarr-backup.storeSecretName" -}}
{{- .Values.store.existingSecret | default (printf "%s-store" (include "dolibarr-backup.fullname" .)) }}
{{- end }}

{{- define "dolibarr-backup.notifySecretName" -}}
{{- .Values.notify.existingSecret | default (printf "%s-notify" (include "dolibarr-backup.fullname" .)) }}
{{- end }}

{{/* A list of what is used of that Secret: setting, key, and path of the file in the mount. */}}
{{- define "dolibarr-backup.notifyFiles" -}}
{{- $settings := dict
      "pingBackup" "ping.backup_file" "pingDrill" "ping.drill_file" "webhookUrl" "webhook.url_file"
      "webhookAuthorization" "webhook.authorization_file" "mailPassword" "mail.password_file" }}
{{- $files := list }}
{{- range $value, $setting := $settings }}
{{- with index $.Values.notify.secretKeys $value }}
{{- $files = append $files (dict "setting" $setting "key" . "path" ($setting | replace "." "_" | trimSuffix "_file")) }}
{{- end }}
{{- end }}
{{- toYaml $files }}
{{- end }}

{{/* Not empty if somebody is told of runs. */}}
{{- define "dolibarr-backup.tells" -}}
{{- if or (include "dolibarr-backup.notifyFiles" . | fromYamlArray) (((.Values.settings).notify).mail) }}yes{{ end }}
{{- end }}

{{- define "dolibarr-backup.prefix" -}}
{{- .Values.prefix | default (printf "erp/%s" .Values.environment) }}
{{- end }}

{{- define "dolibarr-backup.image" -}}
{{- with .Values.image }}
{{- if .digest }}
{{- printf "%s@%s" .repository .digest }}
{{- else }}
{{- printf "%s:%s" .repository (.tag | default $.Chart.AppVersion) }}
{{- end }}
{{- end }}
{{- end }}

{{/* The settings file. What the chart decides wins over .Values.settings. */}}
{{- define "dolibarr-backup.settings" -}}
{{- $files := "/run/secrets/dolibarr-backup" }}
{{- $store := dict
      "bucket" .Values.store.bucket
      "region" .Values.store.region
      "access_key_id_file" (printf "%s/store/access_key_id" $files)
      "secret_access_key_file" (printf "%s/store/secret_access_key" $files) }}
{{- with .Values.store.endpoint }}{{ $_ := set $store "endpoint" . }}{{ end }}
{{- if or .Values.store.ca.configMap .Values.store.ca.secret }}
{{- $_ := set $store "ca_file" (printf "%s/store-ca/ca.crt" $files) }}
{{- end }}
{{- $database := dict
      "host" .Values.database.host
      "port" (int .Values.database.port)
      "name" .Values.database.name
      "user_file" (printf "%s/database/username" $files)
      "password_file" (printf "%s/database/password" $files) }}
{{- with .Values.database.sslmode }}{{ $_ := set $database "sslmode" . }}{{ end }}
{{- if or .Values.database.ca.configMap .Values.database.ca.secret }}
{{- $_ := set $database "sslrootcert" (printf "%s/database-ca/ca.crt" $files) }}
{{- end }}
{{- $told := dict }}
{{- with .Values.pushgatewayPasswordSecret.name }}
{{- $_ := set $told "metrics" (dict "pushgateway_password_file" (printf "%s/metrics/pushgateway_password" $files)) }}
{{- end }}
{{- range include "dolibarr-backup.notifyFiles" . | fromYamlArray }}
{{- $names := splitList "." .setting }}
{{- $told = mergeOverwrite $told (dict "notify" (dict (first $names) (dict (last $names) (printf "%s/notify/%s" $files .path)))) }}
{{- end }}
{{- if or .Values.notify.ca.configMap .Values.notify.ca.secret }}
{{- $told = mergeOverwrite $told (dict "notify" (dict "ca_file" (printf "%s/notify-ca/ca.crt" $files))) }}
{{- end }}
{{- $settings := mergeOverwrite (deepCopy .Values.settings) $told (dict
      "prefix" (include "dolibarr-backup.prefix" .)
      "documents" .Values.documents.mountPath
      "time_zone" .Values.timeZone
      "store" $store
      "database" $database) }}
{{- toYaml (dict "environments" (dict .Values.environment $settings)) }}
{{- end }}

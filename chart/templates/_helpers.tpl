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
{{- $store := dict
      "bucket" .Values.store.bucket
      "region" .Values.store.region
      "access_key_id_file" "/run/secrets/dolibarr-backup/store/access_key_id"
      "secret_access_key_file" "/run/secrets/dolibarr-backup/store/secret_access_key" }}
{{- with .Values.store.endpoint }}{{ $_ := set $store "endpoint" . }}{{ end }}
{{- if or .Values.store.ca.configMap .Values.store.ca.secret }}
{{- $_ := set $store "ca_file" "/run/secrets/dolibarr-backup/store-ca/ca.crt" }}
{{- end }}
{{- $database := dict
      "host" .Values.database.host
      "port" (int .Values.database.port)
      "name" .Values.database.name
      "user_file" "/run/secrets/dolibarr-backup/database/username"
      "password_file" "/run/secrets/dolibarr-backup/database/password" }}
{{- with .Values.database.sslmode }}{{ $_ := set $database "sslmode" . }}{{ end }}
{{- if or .Values.database.ca.configMap .Values.database.ca.secret }}
{{- $_ := set $database "sslrootcert" "/run/secrets/dolibarr-backup/database-ca/ca.crt" }}
{{- end }}
{{- $settings := mergeOverwrite (deepCopy .Values.settings) (dict
      "prefix" (include "dolibarr-backup.prefix" .)
      "documents" .Values.documents.mountPath
      "time_zone" .Values.timeZone
      "store" $store
      "database" $database) }}
{{- toYaml (dict "environments" (dict .Values.environment $settings)) }}
{{- end }}

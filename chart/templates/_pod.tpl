{{/*
The one definition of the pod: metadata and spec. Takes
  root       the chart's context
  component  backup, drill or test
  job        its values: resources, tmpSizeLimit
  args       the command and its options
A drill gets no way to the database or the documents: it needs neither.
*/}}
{{- define "dolibarr-backup.pod" -}}
{{- $ := .root -}}
{{- $reads := ne .component "drill" -}}
{{- $confKey := and (eq .component "drill") .job.confKeySecret.name -}}
{{- $files := "/run/secrets/dolibarr-backup" -}}
{{- $notify := include "dolibarr-backup.notifyFiles" $ | fromYamlArray -}}
metadata:
  labels:
    {{- $own := include "dolibarr-backup.labels" $ | fromYaml }}
    {{- $_ := set $own "app.kubernetes.io/component" .component }}
    {{- toYaml (mergeOverwrite (deepCopy $.Values.podLabels) $own) | nindent 4 }}
  # An autoscaler that empties a node waits for the end of the run.
  annotations:
    {{- $stay := dict "cluster-autoscaler.kubernetes.io/safe-to-evict" "false" "karpenter.sh/do-not-disrupt" "true" }}
    {{- toYaml (mergeOverwrite $stay $.Values.podAnnotations) | nindent 4 }}
spec:
  serviceAccountName: {{ include "dolibarr-backup.serviceAccountName" $ | quote }}
  automountServiceAccountToken: false
  # A Service's variables must not pass for the program's.
  enableServiceLinks: false
  restartPolicy: Never
  # To abort its uploads and to record that it was interrupted.
  terminationGracePeriodSeconds: 60
  # No fsGroup: it could give the files of the documents volume another group.
  securityContext:
    runAsNonRoot: true
    runAsUser: {{ int64 $.Values.runAsUser }}
    runAsGroup: {{ int64 $.Values.runAsGroup }}
    seccompProfile:
      type: RuntimeDefault
  {{- with $.Values.image.pullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . | quote }}
    {{- end }}
  {{- end }}
  {{- with $.Values.priorityClassName }}
  priorityClassName: {{ . | quote }}
  {{- end }}
  {{- with $.Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $.Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $.Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: dolibarr-backup
      image: {{ include "dolibarr-backup.image" $ | quote }}
      imagePullPolicy: {{ $.Values.image.pullPolicy }}
      command: [dolibarr-backup]
      args:
        - --config=/etc/dolibarr-backup/settings.yaml
        - --env={{ $.Values.environment }}
        {{- range .args }}
        - {{ . | quote }}
        {{- end }}
      env:
        # The settings file says the same. The program refuses to run when they differ: a changed
        # file alone never leads one environment to another.
        - name: BUCKET
          value: {{ $.Values.store.bucket | quote }}
        - name: PREFIX
          value: {{ include "dolibarr-backup.prefix" $ | quote }}
        - name: DB
          value: {{ $.Values.database.name | quote }}
        - name: PGHOST
          value: {{ $.Values.database.host | quote }}
        {{- if not $.Values.store.endpoint }}
        - name: AWS_ENDPOINTS_FILE
          value: {{ $files }}/store/endpoint
        {{- end }}
        - name: TMPDIR
          value: /tmp
        {{- range $.Values.extraEnv }}
        - name: {{ .name | quote }}
          value: {{ .value | quote }}
        {{- end }}
      {{- with .job.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: [ALL]
      # The reason of a failure then stands in the pod's status.
      terminationMessagePolicy: FallbackToLogsOnError
      volumeMounts:
        - name: settings
          mountPath: /etc/dolibarr-backup
          readOnly: true
        - name: store
          mountPath: {{ $files }}/store
          readOnly: true
        {{- if or $.Values.store.ca.configMap $.Values.store.ca.secret }}
        - name: store-ca
          mountPath: {{ $files }}/store-ca
          readOnly: true
        {{- end }}
        {{- if $reads }}
        - name: database
          mountPath: {{ $files }}/database
          readOnly: true
        {{- if or $.Values.database.ca.configMap $.Values.database.ca.secret }}
        - name: database-ca
          mountPath: {{ $files }}/database-ca
          readOnly: true
        {{- end }}
        - name: documents
          mountPath: {{ $.Values.documents.mountPath | quote }}
          {{- with $.Values.documents.subPath }}
          subPath: {{ . | quote }}
          {{- end }}
          readOnly: true
        {{- end }}
        {{- if $confKey }}
        - name: conf-key
          mountPath: {{ $files }}/conf-key
          readOnly: true
        {{- end }}
        {{- if $.Values.pushgatewayPasswordSecret.name }}
        - name: metrics
          mountPath: {{ $files }}/metrics
          readOnly: true
        {{- end }}
        {{- if $notify }}
        - name: notify
          mountPath: {{ $files }}/notify
          readOnly: true
        {{- end }}
        {{- if or $.Values.notify.ca.configMap $.Values.notify.ca.secret }}
        - name: notify-ca
          mountPath: {{ $files }}/notify-ca
          readOnly: true
        {{- end }}
        - name: tmp
          mountPath: /tmp
  # Whole folders, no subPath: what is renewed while a run goes on is seen. Modes are 0444, since
  # without fsGroup the files belong to root. Optional is what serves those who are told of runs: it
  # must not decide whether there is a backup.
  volumes:
    - name: settings
      configMap:
        name: {{ include "dolibarr-backup.fullname" $ | quote }}
    - name: store
      secret:
        secretName: {{ include "dolibarr-backup.storeSecretName" $ | quote }}
        defaultMode: 292
        items:
          - key: {{ $.Values.store.secretKeys.accessKeyId | quote }}
            path: access_key_id
          - key: {{ $.Values.store.secretKeys.secretAccessKey | quote }}
            path: secret_access_key
          {{- if not $.Values.store.endpoint }}
          - key: {{ $.Values.store.secretKeys.endpoint | quote }}
            path: endpoint
          {{- end }}
    {{- with include "dolibarr-backup.caVolume" (dict "name" "store-ca" "ca" $.Values.store.ca) }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- if $reads }}
    - name: database
      secret:
        secretName: {{ $.Values.database.existingSecret | quote }}
        defaultMode: 292
        items:
          - key: {{ $.Values.database.secretKeys.username | quote }}
            path: username
          - key: {{ $.Values.database.secretKeys.password | quote }}
            path: password
    {{- with include "dolibarr-backup.caVolume" (dict "name" "database-ca" "ca" $.Values.database.ca) }}
    {{- . | nindent 4 }}
    {{- end }}
    - name: documents
      persistentVolumeClaim:
        claimName: {{ $.Values.documents.existingClaim | quote }}
        readOnly: true
    {{- end }}
    {{- if $confKey }}
    - name: conf-key
      secret:
        secretName: {{ .job.confKeySecret.name | quote }}
        defaultMode: 292
        items:
          - key: {{ .job.confKeySecret.key | quote }}
            path: key
    {{- end }}
    {{- with $.Values.pushgatewayPasswordSecret }}
    {{- if .name }}
    - name: metrics
      secret:
        secretName: {{ .name | quote }}
        optional: true
        defaultMode: 292
        items:
          - key: {{ .key | quote }}
            path: pushgateway_password
    {{- end }}
    {{- end }}
    {{- if $notify }}
    - name: notify
      secret:
        secretName: {{ include "dolibarr-backup.notifySecretName" $ | quote }}
        optional: true
        defaultMode: 292
        items:
          {{- range $notify }}
          - key: {{ .key | quote }}
            path: {{ .path }}
          {{- end }}
    {{- end }}
    {{- with include "dolibarr-backup.caVolume" (dict "name" "notify-ca" "ca" $.Values.notify.ca "optional" true) }}
    {{- . | nindent 4 }}
    {{- end }}
    - name: tmp
      emptyDir:
        {{- if .job.tmpSizeLimit }}
        sizeLimit: {{ .job.tmpSizeLimit | quote }}
        {{- else }} {}
        {{- end }}
{{- end }}

{{/* That pod alone, as a test of the release. Takes root, name, args. */}}
{{- define "dolibarr-backup.testPod" -}}
{{- $ := .root -}}
{{- $pod := include "dolibarr-backup.pod" (dict
      "root" $ "component" "test" "job" $.Values.backup "args" .args) | fromYaml -}}
apiVersion: v1
kind: Pod
metadata:
  {{- include "dolibarr-backup.metadata" (dict
        "root" $ "name" .name "labels" $pod.metadata.labels
        "annotations" (mergeOverwrite (deepCopy $.Values.podAnnotations) (dict "helm.sh/hook" "test" "helm.sh/hook-delete-policy" "before-hook-creation"))) | nindent 2 }}
spec:
  {{- toYaml $pod.spec | nindent 2 }}
{{- end }}

{{- define "dolibarr-backup.caVolume" -}}
{{- with .ca -}}
{{- if .configMap -}}
- name: {{ $.name }}
  configMap:
    name: {{ .configMap | quote }}
    {{- if $.optional }}
    optional: true
    {{- end }}
    items:
      - key: {{ .key | quote }}
        path: ca.crt
{{- else if .secret -}}
- name: {{ $.name }}
  secret:
    secretName: {{ .secret | quote }}
    {{- if $.optional }}
    optional: true
    {{- end }}
    defaultMode: 292
    items:
      - key: {{ .key | quote }}
        path: ca.crt
{{- end }}
{{- end }}
{{- end }}

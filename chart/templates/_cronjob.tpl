{{/* A CronJob around the pod. Takes what the pod takes, and name. */}}
{{- define "dolibarr-backup.cronJob" -}}
{{- $ := .root -}}
apiVersion: batch/v1
kind: CronJob
metadata:
  {{- include "dolibarr-backup.metadata" (dict "root" $ "name" .name) | nindent 2 }}
spec:
  schedule: {{ .job.schedule | quote }}
  timeZone: {{ $.Values.timeZone | quote }}
  concurrencyPolicy: Forbid
  suspend: {{ .job.suspend }}
  startingDeadlineSeconds: {{ int64 .job.startingDeadlineSeconds }}
  successfulJobsHistoryLimit: {{ int64 .job.successfulJobsHistoryLimit }}
  failedJobsHistoryLimit: {{ int64 .job.failedJobsHistoryLimit }}
  jobTemplate:
    metadata:
      labels:
        {{- include "dolibarr-backup.labels" $ | nindent 8 }}
        app.kubernetes.io/component: {{ .component }}
    spec:
      activeDeadlineSeconds: {{ int64 .job.activeDeadlineSeconds }}
      backoffLimit: {{ int64 .job.backoffLimit }}
      # Never two at once, also when a node is lost.
      podReplacementPolicy: Failed
      podFailurePolicy:
        rules:
          # A drained node is no failure of the backup.
          - action: Ignore
            onPodConditions:
              - type: DisruptionTarget
                status: "True"
          # usage, config, corrupt, refused, torn, incomplete, unproven: the same a minute later.
          - action: FailJob
            onExitCodes:
              containerName: dolibarr-backup
              operator: In
              values: [2, 3, 6, 7, 8, 9, 10]
      template:
        {{- include "dolibarr-backup.pod" . | nindent 8 }}
{{- end }}

"""Does code mode pay? AgentDojo's tasks and BFCL's turns as real tools in real cells, judged by themselves."""

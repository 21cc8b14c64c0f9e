using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Collections.ObjectModel;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Security;

/// <summary>A PowerShell host in front of which a person is played: what it is to type is put into a queue.</summary>
public sealed class PlayedHost : PSHost
{
    private readonly PlayedInterface _ui = new PlayedInterface();

    public BlockingCollection<string> Typed { get { return _ui.Typed; } }

    public ConcurrentQueue<string> Shown { get { return _ui.Shown; } }

    public int Questions { get { return _ui.Questions; } }

    public override string Name { get { return "PlayedHost"; } }

    public override Version Version { get { return new Version(1, 0); } }

    public override Guid InstanceId { get; } = Guid.NewGuid();

    public override PSHostUserInterface UI { get { return _ui; } }

    public override CultureInfo CurrentCulture { get { return CultureInfo.InvariantCulture; } }

    public override CultureInfo CurrentUICulture { get { return CultureInfo.InvariantCulture; } }

    public override void SetShouldExit(int exitCode) { }

    public override void EnterNestedPrompt() { }

    public override void ExitNestedPrompt() { }

    public override void NotifyBeginApplication() { }

    public override void NotifyEndApplication() { }
}

public sealed class PlayedInterface : PSHostUserInterface
{
    public readonly BlockingCollection<string> Typed = new BlockingCollection<string>();
    public readonly ConcurrentQueue<string> Shown = new ConcurrentQueue<string>();
    public volatile int Questions;

    public override PSHostRawUserInterface RawUI { get; } = new PlayedScreen();

    public override string ReadLine()
    {
        Questions++;
        return Typed.Take();
    }

    public override SecureString ReadLineAsSecureString() { throw new NotSupportedException(); }

    public override void Write(string value) { Shown.Enqueue(value); }

    public override void Write(ConsoleColor foregroundColor, ConsoleColor backgroundColor, string value) { Shown.Enqueue(value); }

    public override void WriteLine(string value) { Shown.Enqueue(value); }

    public override void WriteErrorLine(string value) { Shown.Enqueue(value); }

    public override void WriteDebugLine(string message) { Shown.Enqueue(message); }

    public override void WriteVerboseLine(string message) { Shown.Enqueue(message); }

    public override void WriteWarningLine(string message) { Shown.Enqueue("WARNING: " + message); }

    public override void WriteProgress(long sourceId, ProgressRecord record) { Shown.Enqueue("PROGRESS: " + record.StatusDescription); }

    public override Dictionary<string, PSObject> Prompt(string caption, string message, Collection<FieldDescription> descriptions) { throw new NotSupportedException(); }

    public override PSCredential PromptForCredential(string caption, string message, string userName, string targetName) { throw new NotSupportedException(); }

    public override PSCredential PromptForCredential(string caption, string message, string userName, string targetName, PSCredentialTypes allowedCredentialTypes, PSCredentialUIOptions options) { throw new NotSupportedException(); }

    public override int PromptForChoice(string caption, string message, Collection<ChoiceDescription> choices, int defaultChoice) { throw new NotSupportedException(); }
}

public sealed class PlayedScreen : PSHostRawUserInterface
{
    public override ConsoleColor BackgroundColor { get; set; }

    public override ConsoleColor ForegroundColor { get; set; }

    public override Size BufferSize { get; set; } = new Size(120, 100);

    public override Coordinates CursorPosition { get; set; }

    public override int CursorSize { get; set; }

    public override bool KeyAvailable { get { return false; } }

    public override Size MaxPhysicalWindowSize { get { return new Size(120, 100); } }

    public override Size MaxWindowSize { get { return new Size(120, 100); } }

    public override Coordinates WindowPosition { get; set; }

    public override Size WindowSize { get; set; } = new Size(120, 100);

    public override string WindowTitle { get; set; }

    public override void FlushInputBuffer() { }

    public override BufferCell[,] GetBufferContents(Rectangle rectangle) { throw new NotSupportedException(); }

    public override KeyInfo ReadKey(ReadKeyOptions options) { throw new NotSupportedException(); }

    public override void ScrollBufferContents(Rectangle source, Coordinates destination, Rectangle clip, BufferCell fill) { }

    public override void SetBufferContents(Rectangle rectangle, BufferCell fill) { }

    public override void SetBufferContents(Coordinates origin, BufferCell[,] contents) { }
}

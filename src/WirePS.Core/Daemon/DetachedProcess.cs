using System.Diagnostics;
using WirePS.Storage;

namespace WirePS.Daemon;

/// <summary>A program that is to outlive the process that starts it.</summary>
/// <param name="FileName">The program.</param>
/// <param name="Arguments">Its arguments: everybody on the machine can read them, so no secret stands there.</param>
/// <param name="WorkingFolder">Where it runs.</param>
/// <param name="OutputFile">Takes what it writes to its standard output and error; replaced, private.</param>
public sealed record DetachedProgram(string FileName, IReadOnlyList<string> Arguments, string WorkingFolder, string OutputFile);

/// <summary>A program that was started; disposing this does not end it.</summary>
public interface IDetachedProcess : IDisposable
{
    /// <summary>Its process id.</summary>
    int Id { get; }

    /// <summary>True once it has ended.</summary>
    bool HasExited { get; }

    /// <summary>Ends it at once.</summary>
    void Kill();

    /// <summary>The last lines that it wrote, for an error message; empty for none.</summary>
    Task<string> LastWordsAsync();
}

/// <summary>Starts programs that outlive the process that starts them: the seam between what starts a daemon and the system.</summary>
public interface IDetachedLauncher
{
    /// <summary>Starts one. <see cref="WireReason.DaemonStartFailed"/> where there is no such program.</summary>
    IDetachedProcess Start(DetachedProgram program);
}

/// <summary>
/// Starts programs of ours that survive the terminal, the shell and the session. On Unix the parent gives them pipes, so
/// that nothing of the caller's is held open, and the child itself leaves the session in its first step
/// (<see cref="EnterOwnSession"/>): a process that Process.Start made leads no group, so it may. On Windows a child
/// without a window does not depend on its parent.
/// </summary>
public sealed class DetachedLauncher : IDetachedLauncher
{
    /// <summary>Tells the child, in its environment, that it is to leave the session, and where its output goes.</summary>
    public const string OutputVariable = "WIREPS_DETACHED_OUTPUT";

    /// <summary>The one instance.</summary>
    public static DetachedLauncher Instance { get; } = new();

    /// <inheritdoc/>
    public IDetachedProcess Start(DetachedProgram program)
    {
        var start = new ProcessStartInfo(program.FileName, program.Arguments)
        {
            UseShellExecute = false,
            CreateNoWindow = true,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = program.WorkingFolder,
        };
        start.Environment[OutputVariable] = program.OutputFile;
        try
        {
            DiskFileSystem.Instance.WritePrivate(program.OutputFile, []);
            var process = Process.Start(start)!;
            process.StandardInput.Close();
            return new Started(process, program.OutputFile);
        }
        catch (Exception error) when (error is System.ComponentModel.Win32Exception or IOException)
        {
            throw new WireException(WireReason.DaemonStartFailed, $"'{program.FileName}' could not be started: {error.Message}", program.FileName, error);
        }
    }

    /// <summary>
    /// The child's part: where <see cref="Start"/> made this process, leaves the caller's session and terminal, and
    /// sends standard output and error to the file. Does nothing in any other process, and nothing the second time.
    /// </summary>
    public static void EnterOwnSession()
    {
        if (Environment.GetEnvironmentVariable(OutputVariable) is not { Length: > 0 } output)
        {
            return;
        }

        // What this process starts is not detached by it.
        Environment.SetEnvironmentVariable(OutputVariable, null);
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        _ = UnixNative.NewSession();
        Redirect("/dev/null", FileMode.Open, FileAccess.Read, 0);
        Redirect(output, FileMode.OpenOrCreate, FileAccess.Write, 1);
        Redirect(output, FileMode.OpenOrCreate, FileAccess.Write, 2);
    }

    private static void Redirect(string path, FileMode mode, FileAccess access, int standardStream)
    {
        // Shared in every way, so that .NET puts no lock on it that would outlive this handle in the copy.
        using var handle = File.OpenHandle(path, mode, access, FileShare.ReadWrite | FileShare.Delete);
        _ = UnixNative.Duplicate((int)handle.DangerousGetHandle(), standardStream);
    }

    private sealed class Started : IDetachedProcess
    {
        private const int MostWords = 2000;
        private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);
        private readonly Process _process;
        private readonly string _outputFile;
        private readonly Task<string> _output;
        private readonly Task<string> _errors;

        public Started(Process process, string outputFile)
        {
            _process = process;
            _outputFile = outputFile;
            Id = process.Id;
            _output = process.StandardOutput.ReadToEndAsync();
            _errors = process.StandardError.ReadToEndAsync();
        }

        public int Id { get; }

        public bool HasExited => _process.HasExited;

        public void Kill() => _process.Kill(entireProcessTree: true);

        public async Task<string> LastWordsAsync()
        {
            var piped = Task.WhenAll(_errors, _output);
            var early = await Task.WhenAny(piped, Task.Delay(Patience)).ConfigureAwait(false) == piped ? string.Concat(await piped.ConfigureAwait(false)) : "";
            var late = DiskFileSystem.Instance.ReadPrivateRange(_outputFile, 0, MostWords * 4);
            var words = (early + System.Text.Encoding.UTF8.GetString(late)).Trim();
            return words.Length <= MostWords ? words : words[^MostWords..];
        }

        public void Dispose()
        {
            _process.StandardOutput.Dispose();
            _process.StandardError.Dispose();
            _process.Dispose();
        }
    }
}

using System.ComponentModel;
using System.Diagnostics;

namespace WirePS.Build;

/// <summary>Runs programs.</summary>
internal static class Programs
{
    /// <summary>The dotnet that runs this one.</summary>
    public static string DotNet { get; } = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") is { Length: > 0 } path ? path : "dotnet";

    /// <summary>Runs a program in the root of the source tree, with this program's console.</summary>
    /// <returns>Its exit code.</returns>
    public static Task<int> RunAsync(string program, IEnumerable<string> arguments, CancellationToken cancellationToken, params ReadOnlySpan<(string Name, string Value)> environment)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = Source.Root };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        return EndAsync(start, cancellationToken);
    }

    /// <summary>As <see cref="RunAsync"/>; a failure is told and ends everything.</summary>
    public static async Task RequireAsync(string program, IEnumerable<string> arguments, CancellationToken cancellationToken)
    {
        string[] list = [.. arguments];
        if (await RunAsync(program, list, cancellationToken) is not 0 and var code)
        {
            throw new BuildException($"'{Path.GetFileName(program)} {string.Join(' ', list)}' ended with {code}");
        }
    }

    /// <summary>Runs a program whose words nobody wants to see.</summary>
    /// <returns>True where it is there and ended with 0.</returns>
    public static async Task<bool> SucceedsAsync(string program, IEnumerable<string> arguments, CancellationToken cancellationToken)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            await Task.WhenAll(
                process.StandardOutput.ReadToEndAsync(cancellationToken),
                process.StandardError.ReadToEndAsync(cancellationToken),
                process.WaitForExitAsync(cancellationToken));
            return process.ExitCode == 0;
        }
        catch (Win32Exception)
        {
            return false;
        }
    }

    /// <summary>True where the program is on the path.</summary>
    public static bool Has(string name) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder =>
            folder.Length > 0 && (File.Exists(Path.Combine(folder, name)) || (OperatingSystem.IsWindows() && File.Exists(Path.Combine(folder, name + ".exe")))));

    private static async Task<int> EndAsync(ProcessStartInfo start, CancellationToken cancellationToken)
    {
        try
        {
            using var process = Process.Start(start)!;
            await process.WaitForExitAsync(CancellationToken.None);
            cancellationToken.ThrowIfCancellationRequested();
            return process.ExitCode;
        }
        catch (Win32Exception problem)
        {
            throw new BuildException($"'{start.FileName}' cannot be run: {problem.Message}");
        }
    }
}

using System.Management.Automation.Host;

namespace WirePS.Module.Pipeline;

/// <summary>Whether somebody sits there who can be asked, and asking.</summary>
internal static class Person
{
    /// <summary>
    /// False where a question would hang or be answered by no one: pwsh -NonInteractive, input that comes from a file or
    /// a pipe, a host without a user interface, and the far end of remoting and of jobs, where a question waits for
    /// whoever looks at it next.
    /// </summary>
    internal static bool IsPresent(PSHost? host) => host?.UI?.RawUI is not null && host.Name switch
    {
        "ConsoleHost" => !Console.IsInputRedirected && !Environment.GetCommandLineArgs().Skip(1).Any(IsNonInteractiveSwitch),
        "ServerRemoteHost" => false,
        _ => true,
    };

    /// <summary>Asks for one line; null where the host cannot ask after all, or the input has ended.</summary>
    internal static string? Ask(PSHost host, string question)
    {
        try
        {
            host.UI.Write(question + ": ");
            return host.UI.ReadLine();
        }
        catch (Exception error) when (HostLimits.IsUnable(error))
        {
            return null;
        }
    }

    /// <summary>Asks for one line that is not shown as it is typed; null where the host cannot ask after all, or the input has ended.</summary>
    internal static string? AskSecret(PSHost host, string question)
    {
        try
        {
            host.UI.Write(question + ": ");
            using var typed = host.UI.ReadLineAsSecureString();
            return typed is null ? null : new System.Net.NetworkCredential("", typed).Password;
        }
        catch (Exception error) when (HostLimits.IsUnable(error))
        {
            return null;
        }
    }

    /// <summary>The first line of an input, without the space around it; no more than a number of characters is read.</summary>
    internal static string ReadLine(TextReader input, int mostCharacters)
    {
        var line = new System.Text.StringBuilder();
        while (line.Length < mostCharacters && input.Read() is >= 0 and var next && next != '\n')
        {
            line.Append((char)next);
        }

        return line.ToString().Trim();
    }

    // As pwsh reads its command line: any beginning of the word that is not another switch's too.
    private static bool IsNonInteractiveSwitch(string argument) =>
        argument.Length >= 5 && argument[0] is '-' or '/' && "-noninteractive".StartsWith("-" + argument.TrimStart('-', '/'), StringComparison.OrdinalIgnoreCase);
}
